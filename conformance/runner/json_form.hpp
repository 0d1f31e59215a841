// Whether a JSON document has the form that a schema gives it. Of JSON Schema only what the schema
// of certificates is written with: a keyword that is not known is an error, so that none is passed
// over.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace rondo::conformance {

// One sentence for each thing that is not as it should be: "run.replay is missing". Throws
// std::logic_error if the schema has a keyword that is not looked at here.
std::vector<std::string> deviations(const nlohmann::ordered_json& document,
                                    const nlohmann::ordered_json& schema);

// conformance/certificate.schema.json as it was when this was built.
std::string_view certificate_schema_text();

}  // namespace rondo::conformance
