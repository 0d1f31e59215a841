// The map from full queue names to queues, and the sentences for look-ups that fail.
#include <rondo/error.hpp>
#include <rondo/nearest.hpp>
#include <rondo/queue_registry.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

namespace rondo {
namespace {

std::string what_exists(std::span<const std::string> names) {
  constexpr std::size_t shown = 8;
  if (names.empty()) return "there are no queues";
  const auto first = names.first(std::min(shown, names.size()));
  auto text = fmt::format("there {} {}: {}", names.size() == 1 ? "is" : "are", names.size(),
                          fmt::join(first, ", "));
  if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

// Compares what tells names apart: without the prefix that all share, with and without direction,
// and the kernel id alone, because people type any of these.
std::string nearest_queue(std::string_view wanted, std::span<const std::string> names) {
  std::map<std::string, std::string_view> full_of;
  for (const auto& full : names) {
    const auto name = parse_queue_name(full);
    full_of.try_emplace(name.message_type + '_' + name.kernel_id, full);
    full_of.try_emplace(name.kernel_id, full);
    full_of.insert_or_assign(full.substr(full.find('_') + 1), full);
  }
  std::vector<std::string_view> keys;
  keys.reserve(full_of.size());
  for (const auto& [key, full] : full_of) keys.push_back(key);
  constexpr std::string_view shared_prefix = "ringkernel_";
  if (wanted.starts_with(shared_prefix)) wanted.remove_prefix(shared_prefix.size());
  const auto near = nearest(wanted, keys);
  return near.empty() ? std::string() : std::string(full_of.at(std::string(near)));
}

}  // namespace

void queue_registry::add(std::string_view full_name, std::shared_ptr<void> object) {
  auto name = parse_queue_name(full_name);
  const std::scoped_lock lock(mutex_);
  const auto [where, added] =
      entries_.try_emplace(std::string(full_name), entry{std::move(name), std::move(object)});
  if (!added)
    throw error(RONDO_ALREADY_EXISTS, std::string(full_name),
                "a queue of this name is registered already",
                "Give the second kernel an id of its own, or remove the first");
}

bool queue_registry::remove(std::string_view full_name) {
  std::shared_ptr<void> last;  // its destructor may call back, so it runs after the lock
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(full_name);
  if (found == entries_.end()) return false;
  last = std::move(found->second.object);
  entries_.erase(found);
  return true;
}

std::vector<std::string> queue_registry::list() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, queue] : entries_) names.push_back(name);
  return names;
}

std::vector<queue_registry::entry> queue_registry::entries() const {
  const std::scoped_lock lock(mutex_);
  std::vector<entry> all;
  all.reserve(entries_.size());
  for (const auto& [name, found] : entries_) all.push_back(found);
  return all;
}

std::size_t queue_registry::size() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

queue_registry::entry queue_registry::resolve(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  if (const auto exact = entries_.find(name); exact != entries_.end()) return exact->second;
  const auto input = entries_.find(fmt::format("{}_input", name));
  const auto output = entries_.find(fmt::format("{}_output", name));
  if (input != entries_.end() && output != entries_.end())
    throw error(RONDO_AMBIGUOUS_NAME, in_quotes(name),
                fmt::format("it fits {} and {}", input->first, output->first),
                "Add _input or _output");
  if (input != entries_.end()) return input->second;
  if (output != entries_.end()) return output->second;
  miss(name);
}

void queue_registry::miss(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& [full, queue] : entries_) names.push_back(full);
  const auto near = nearest_queue(name, names);
  throw error(RONDO_NO_SUCH_QUEUE, printable(name), "no queue has this name; " + what_exists(names),
              near.empty() ? "Launch the kernel first, or use a name that exists"
                           : fmt::format("Did you mean {}?", near));
}

}  // namespace rondo
