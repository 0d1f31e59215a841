// Reads a plugin's descriptor with suspicion: each field is checked before the next is relied on,
// and the first that does not hold is named.
#include "loader_internal.hpp"
#include "loader_tables.hpp"

#include <rondo/naming.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace rondo::loading {
namespace {

// Bounds on what is believed, so that a wild length does not make the host read the whole of
// memory.
constexpr std::uint64_t longest_text = 255;
constexpr std::uint64_t longest_build = 4096;
constexpr std::uint64_t most_capabilities = 256;
constexpr std::uint64_t most_tables = 64;

// What every version of the descriptor has, and what version 1 has. [ABI-02]
constexpr std::size_t size_with_interval = offsetof(rondo_plugin_descriptor, id);
constexpr std::size_t size_of_version_1 =
    offsetof(rondo_plugin_descriptor, table_count) + sizeof(std::uint64_t);

// The layout of rondo.backend, .kernel, .queue and .buffer that abi.h declares.
constexpr std::uint32_t table_version = 1;

// Thrown by the checks, caught once in read_descriptor().
struct contradiction {
  std::string what;
};

template <class... Arguments>
void require(bool holds, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  if (!holds) throw contradiction{fmt::format(text, std::forward<Arguments>(arguments)...)};
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// A word that begins with a letter or digit and goes on with these, '-', '_' and `also`.
bool is_word(std::string_view text, std::string_view also = {}) {
  return !text.empty() && is_alphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_alphanumeric(c) || c == '-' || c == '_' || also.find(c) != also.npos;
         });
}

bool is_reverse_dns(std::string_view text) {
  if (text.find('.') == text.npos) return false;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find('.', begin), text.size());
    if (!is_word(text.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

// MAJOR.MINOR.PATCH with an optional -pre or +build.
bool is_semantic_version(std::string_view text) {
  for (int part = 0; part < 3; ++part) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0) return false;
    text.remove_prefix(digits);
    if (part == 2) break;
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
  }
  return text.empty() || ((text[0] == '-' || text[0] == '+') && is_word(text.substr(1), ".+"));
}

std::string text_of(rondo_string from, std::string_view field, std::uint64_t longest) {
  require(from.size <= longest, "{} claims {} bytes; at most {} are allowed", field, from.size,
          longest);
  require(from.size == 0 || from.data != nullptr, "{} has a length and no bytes", field);
  std::string text(from.size == 0 ? "" : from.data, from.size);
  require(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }),
          "{} is {}, which is not printable ASCII", field, in_quotes(text));
  return text;
}

void read_identity(const rondo_plugin_descriptor& d, plugin_info& info) {
  info.id = text_of(d.id, "id", longest_text);
  info.name = text_of(d.name, "name", longest_text);
  info.version = text_of(d.version, "version", longest_text);
  info.build = text_of(d.build, "build", longest_build);
}

void check_identity(const plugin_info& info) {
  require(is_reverse_dns(info.id),
          "id is {}; it must be a name in reverse DNS form, such as 'org.example.backend'",
          in_quotes(info.id));
  require(is_word(info.name), "name is {}; it must be a word of letters, digits, '-' and '_'",
          in_quotes(info.name));
  require(is_semantic_version(info.version),
          "version is {}; it must be a semantic version, such as '1.2.3'", in_quotes(info.version));
}

void read_capabilities(const rondo_plugin_descriptor& d, plugin_info& info) {
  require(d.capability_count <= most_capabilities, "capability_count is {}; at most {} are allowed",
          d.capability_count, most_capabilities);
  require(d.capability_count == 0 || d.capabilities != nullptr,
          "capability_count is {} and capabilities is NULL", d.capability_count);
  for (std::uint64_t i = 0; i < d.capability_count; ++i) {
    const auto field = fmt::format("capabilities[{}]", i);
    auto capability = text_of(d.capabilities[i], field, longest_text);
    require(is_word(capability, "."), "{} is {}, which is not a capability name", field,
            in_quotes(capability));
    info.capabilities.push_back(std::move(capability));
  }
}

provided_table find_table(const rondo_plugin_descriptor& d, std::string_view wanted) {
  provided_table found;
  std::optional<std::uint32_t> other_version;
  for (std::uint64_t i = 0; i < d.table_count; ++i) {
    const auto& table = d.tables[i];
    if (text_of(table.name, fmt::format("tables[{}].name", i), longest_text) != wanted) continue;
    if (table.version != table_version) {
      other_version = table.version;
      continue;
    }
    require(found.functions == nullptr, "the table {} is listed twice", wanted);
    require(table.functions != nullptr, "the table {} has no functions", wanted);
    std::uint32_t own_size = 0;
    std::memcpy(&own_size, table.functions, sizeof own_size);
    require(own_size == table.struct_size,
            "the table {} says struct_size {}, and the list of tables says {}", wanted, own_size,
            table.struct_size);
    require(table.struct_size >= first_slot, "the table {} has {} bytes, too few for any function",
            wanted, table.struct_size);
    found = {static_cast<const std::byte*>(table.functions), table.struct_size};
  }
  require(found.functions != nullptr || !other_version,
          "the table {} is there in version {} only, and this host knows version {}", wanted,
          other_version.value_or(0), table_version);
  return found;
}

void require_slots(const provided_table& table, std::string_view name,
                   std::span<const slot_name> slots) {
  require(table.functions != nullptr, "the required table {} is missing", name);
  for (const auto& slot : slots)
    require(table.slot(slot.offset) != 0, "the table {} lacks the required function {}{}", name,
            slot.name, slot.offset < table.size ? "" : ": it ends before");
}

void require_promised(const plugin_info& info, std::string_view capability,
                      const provided_table& table, std::string_view name,
                      std::span<const slot_name> slots) {
  const auto& all = info.capabilities;
  if (std::find(all.begin(), all.end(), capability) == all.end()) return;
  for (const auto& slot : slots)
    require(table.slot(slot.offset) != 0,
            "it advertises the capability {}, and the function {} of the table {} is not there",
            capability, slot.name, name);
}

void read_tables(const rondo_plugin_descriptor& d, const plugin_info& info, backend_api& api) {
  require(d.table_count <= most_tables, "table_count is {}; at most {} are allowed", d.table_count,
          most_tables);
  require(d.table_count == 0 || d.tables != nullptr, "table_count is {} and tables is NULL",
          d.table_count);
  const auto backend = find_table(d, RONDO_TABLE_BACKEND);
  const auto kernel = find_table(d, RONDO_TABLE_KERNEL);
  const auto queue = find_table(d, RONDO_TABLE_QUEUE);
  const auto buffer = find_table(d, RONDO_TABLE_BUFFER);
  require_slots(backend, RONDO_TABLE_BACKEND, required_of_backend);
  require_slots(kernel, RONDO_TABLE_KERNEL, required_of_kernel);
  require_slots(queue, RONDO_TABLE_QUEUE, required_of_queue);
  require_promised(info, RONDO_CAP_MAPPED, queue, RONDO_TABLE_QUEUE, slots_of_mapped);
  require_promised(info, RONDO_CAP_ZERO_COPY, queue, RONDO_TABLE_QUEUE, slots_of_zero_copy);
  require_promised(info, RONDO_CAP_BATCH, queue, RONDO_TABLE_QUEUE, slots_of_batch);
  require_promised(info, RONDO_CAP_LEASE, kernel, RONDO_TABLE_KERNEL, slots_of_lease);
  require_promised(info, RONDO_CAP_BUFFER, buffer, RONDO_TABLE_BUFFER, slots_of_buffer);
  require_promised(info, RONDO_CAP_HOST_VISIBLE, buffer, RONDO_TABLE_BUFFER, slots_of_host_visible);
  adopt(api.backend, backend);
  adopt(api.kernel, kernel);
  adopt(api.queue, queue);
  adopt(api.buffer, buffer);
}

std::string interval_text(abi_interval abi) {
  return abi.min == abi.max ? fmt::format("ABI {}", abi.min)
                            : fmt::format("ABI {} to {}", abi.min, abi.max);
}

library_refusal no_common_version(const rondo_plugin_descriptor& d, plugin_info& info) {
  try {  // whose plugin it is helps the user, but what it is made of need not be ours
    if (d.struct_size >= size_of_version_1) read_identity(d, info);
  } catch (const contradiction&) {
  }
  const bool newer = info.abi.min > host_abi.max;
  return {RONDO_ABI_MISMATCH,
          fmt::format("it speaks {}, and this host speaks {}", interval_text(info.abi),
                      interval_text(host_abi)),
          newer ? "Update Rondo, or install an older version of the plugin"
                : "Install a version of the plugin that was built for this Rondo",
          {}};
}

void check_header(const rondo_plugin_descriptor& d) {
  require(d.magic == RONDO_PLUGIN_MAGIC, "magic is {:#x}; a plugin's is {:#x}", d.magic,
          RONDO_PLUGIN_MAGIC);
  require(d.struct_size >= size_with_interval, "struct_size is {}; at least {} are needed",
          d.struct_size, size_with_interval);
  require(d.abi_min != 0 && d.abi_min <= d.abi_max,
          "abi_min is {} and abi_max is {}, which is no interval", d.abi_min, d.abi_max);
}

std::optional<library_refusal> read_checked(const rondo_plugin_descriptor& d, plugin_info& info,
                                            backend_api& api) {
  check_header(d);
  info.abi = {d.abi_min, d.abi_max};
  info.unload_safe = d.unload_safe != 0;
  if (info.abi.min > host_abi.max || info.abi.max < host_abi.min) return no_common_version(d, info);
  require(d.struct_size >= size_of_version_1, "struct_size is {}; ABI 1 needs {}", d.struct_size,
          size_of_version_1);
  read_identity(d, info);
  check_identity(info);
  read_capabilities(d, info);
  read_tables(d, info, api);
  api.abi_version = std::min(info.abi.max, host_abi.max);
  api.capabilities = info.capabilities;
  return std::nullopt;
}

library_refusal bad_descriptor(std::string reason, std::string plugin_error = {}) {
  return {RONDO_BAD_DESCRIPTOR, std::move(reason),
          "Use another version of the plugin, and tell its author; rondo/abi.h says what must hold",
          std::move(plugin_error)};
}

}  // namespace

std::optional<library_refusal> read_descriptor(const entry_answer& answer, plugin_info& info,
                                               backend_api& api) {
  if (answer.threw)
    return bad_descriptor("its entry let an exception out, which no plugin may do [ABI-06]",
                          answer.exception);
  if (answer.descriptor == nullptr) return bad_descriptor("its entry returned no descriptor");
  try {
    return read_checked(*answer.descriptor, info, api);
  } catch (const contradiction& found) {
    return bad_descriptor("its descriptor does not hold: " + found.what);
  }
}

}  // namespace rondo::loading
