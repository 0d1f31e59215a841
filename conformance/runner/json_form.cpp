// Down the document and the schema together.
#include "json_form.hpp"

#include <algorithm>
#include <regex>
#include <stdexcept>

namespace rondo::conformance {

namespace {

using json = nlohmann::ordered_json;

bool is_of(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "null") return value.is_null();
  throw std::logic_error("the schema has the unknown type " + type);
}

class descent {
 public:
  explicit descent(const json& schema) : root_(schema) {}

  void look(const json& value, const json& schema, const std::string& at) {
    for (const auto& [keyword, what] : schema.items()) apply(keyword, what, value, schema, at);
  }
  std::vector<std::string> found;

 private:
  void say(const std::string& at, const std::string& what) {
    found.push_back((at.empty() ? "it" : at) + " " + what);
  }

  void apply(const std::string& keyword, const json& what, const json& value, const json& schema,
             const std::string& at) {
    if (keyword == "type") return type(what, value, at);
    if (keyword == "required") return required(what, value, at);
    if (keyword == "properties" || keyword == "additionalProperties") {
      if (keyword == "properties" || !schema.contains("properties")) members(schema, value, at);
    } else if (keyword == "items") {
      for (std::size_t i = 0; value.is_array() && i < value.size(); ++i)
        look(value[i], what, at + "[" + std::to_string(i) + "]");
    } else if (keyword == "$ref") {
      look(value, root_.at(json::json_pointer(what.get<std::string>().substr(1))), at);
    } else if (!is_about_words(keyword)) {
      plain(keyword, what, value, at);
    }
  }

  static bool is_about_words(const std::string& keyword) {
    static const std::vector<std::string> all = {"$schema", "$id", "$defs", "title", "description"};
    return std::find(all.begin(), all.end(), keyword) != all.end();
  }

  void type(const json& what, const json& value, const std::string& at) {
    const auto types = what.is_array() ? what : json::array({what});
    if (std::none_of(types.begin(), types.end(), [&](const json& t) { return is_of(value, t); }))
      say(at, "is no " + types.front().get<std::string>());
  }

  void required(const json& names, const json& value, const std::string& at) {
    for (const std::string name : names)
      if (value.is_object() && !value.contains(name)) say(joined(at, name), "is missing");
  }

  void members(const json& schema, const json& value, const std::string& at) {
    if (!value.is_object()) return;
    const json known = schema.value("properties", json::object());
    const json other = schema.value("additionalProperties", json(true));
    for (const auto& [name, each] : value.items()) {
      if (known.contains(name)) look(each, known[name], joined(at, name));
      else if (other.is_object()) look(each, other, joined(at, name));
      else if (other == false) say(joined(at, name), "is no field of this form");
    }
  }

  void plain(const std::string& keyword, const json& what, const json& value,
             const std::string& at) {
    bool holds = true;
    if (keyword == "const") holds = value == what;
    else if (keyword == "enum") holds = std::find(what.begin(), what.end(), value) != what.end();
    else if (keyword == "minimum") holds = !value.is_number() || value >= what;
    else if (keyword == "maximum") holds = !value.is_number() || value <= what;
    else if (keyword == "minItems") holds = !value.is_array() || value.size() >= what;
    else if (keyword == "maxItems") holds = !value.is_array() || value.size() <= what;
    else if (keyword == "pattern") holds = !value.is_string() || fits(value, what);
    else throw std::logic_error("the schema has the unknown keyword " + keyword);
    if (!holds) say(at, "is " + value.dump() + "; " + keyword + " " + what.dump() + " is due");
  }

  static bool fits(const std::string& text, const std::string& pattern) {
    return std::regex_search(text, std::regex(pattern, std::regex::ECMAScript));
  }
  static std::string joined(const std::string& at, const std::string& name) {
    return at.empty() ? name : at + "." + name;
  }

  const json& root_;
};

}  // namespace

std::vector<std::string> deviations(const json& document, const json& schema) {
  descent all(schema);
  all.look(document, schema, "");
  return std::move(all.found);
}

std::string_view certificate_schema_text() {
  static constexpr std::string_view text =
#include "certificate_schema.inc"
      ;
  return text;
}

}  // namespace rondo::conformance
