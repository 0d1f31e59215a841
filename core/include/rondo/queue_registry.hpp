// Which queues a runtime has, by full name. Filled when a kernel is created, asked when someone
// looks a queue up, whatever the backend. Thread-safe by one mutex; not on the path of a message.
#pragma once

#include <rondo/export.hpp>
#include <rondo/naming.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace rondo {

class RONDO_EXPORT queue_registry {
 public:
  struct entry {
    queue_name name;
    std::shared_ptr<void> object;  // whatever the registering side keeps for the queue
  };

  // A name that is registered already is refused with ALREADY_EXISTS and changes nothing [NAME-07].
  // A name that breaks the contract is refused with INVALID_NAME.
  void add(std::string_view full_name, std::shared_ptr<void> object);

  // Whether there was such a queue. Only the full name removes.
  bool remove(std::string_view full_name);

  // All full names, sorted.
  std::vector<std::string> list() const;
  // The same with what was registered, in one look: nothing of it can vanish meanwhile.
  std::vector<entry> entries() const;
  std::size_t size() const;

  // find() gives the queue of exactly this name, on every backend alike [NAME-08]. A name without
  // its direction, ringkernel_<MessageType>_<KernelId>, finds the queue if exactly one fits; if
  // both do, AMBIGUOUS_NAME names them [NAME-09]. A miss is NO_SUCH_QUEUE, and says what exists and
  // which name is nearest [NAME-10].
  entry resolve(std::string_view name) const;

 private:
  [[noreturn]] void miss(std::string_view name) const;

  mutable std::mutex mutex_;
  std::map<std::string, entry, std::less<>> entries_;
};

}  // namespace rondo
