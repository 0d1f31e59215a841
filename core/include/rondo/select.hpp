// Waiting for the first of several receivers, of one kernel or many, of the same type or not.
//
// A receiver is ready when its try_receive() would not say EMPTY: a reply is there, or the kernel
// has ended and it says so. Ready is no reservation: where another thread takes replies of the same
// kernel, try_receive() may find it gone. A receiver whose kernel ended counts only while no other
// has a reply, and then every time: remove it.
//
// Among those that are ready the one after the last that was returned comes first, so a busy kernel
// does not hide a quiet one. Whoever waits hands on the replies of other callers that he meets, and
// keeps nobody from them. He looks for 50 µs, then sleeps between looks, at most 500 µs.
#pragma once

#include <rondo/kernel.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace rondo {

namespace detail {

struct selecting {
  template <message_type T>
  static const std::shared_ptr<instance>& of(const receiver<T>& from) {
    return from.instance_;
  }
};

// nullptr is passed over. `first` is where to begin.
RONDO_EXPORT result<std::size_t> select(std::span<const std::shared_ptr<instance>> from,
                                        std::size_t first, nanoseconds timeout);
// Where the next select() of this thread begins.
RONDO_EXPORT std::size_t& next_of_thread() noexcept;

}  // namespace detail

// Which of these receivers is ready first, counted from 0. TIMEOUT; EMPTY with a timeout of zero.
// Any thread. Fair over the calls of one thread.
template <message_type... T>
result<std::size_t> select(nanoseconds timeout, const receiver<T>&... from) {
  static_assert(sizeof...(T) > 0, "there is nothing to wait for");
  const std::array<std::shared_ptr<detail::instance>, sizeof...(T)> all{
      detail::selecting::of(from)...};
  auto ready = detail::select(all, detail::next_of_thread() % all.size(), timeout);
  if (ready) detail::next_of_thread() = *ready + 1;
  return ready;
}

// The same for a number of receivers that is known only as the program runs. It shares what it
// waits for: a receiver that is destroyed meanwhile changes nothing. One thread at a time.
class selector {
 public:
  // Returns its index, which stays the same. Indexes of removed ones are not used again.
  template <message_type T>
  std::size_t add(const receiver<T>& from) {
    from_.push_back(detail::selecting::of(from));
    ++size_;
    return from_.size() - 1;
  }
  // Throws INVALID_ARGUMENT if there is none of this index.
  void remove(std::size_t index) {
    if (index >= from_.size() || from_[index] == nullptr)
      throw error(RONDO_INVALID_ARGUMENT, "selector", "it has no receiver of this index");
    from_[index] = nullptr;
    --size_;
  }
  std::size_t size() const noexcept { return size_; }

  // The index of one that is ready. TIMEOUT, EMPTY with a timeout of zero; INVALID_ARGUMENT if it
  // has no receiver.
  result<std::size_t> wait(nanoseconds timeout) {
    if (size_ == 0)
      return result<std::size_t>(
          error_info{RONDO_INVALID_ARGUMENT, "selector", "it has no receiver to wait for", {}});
    auto ready = detail::select(from_, next_, timeout);
    if (ready) next_ = (*ready + 1) % from_.size();
    return ready;
  }

 private:
  std::vector<std::shared_ptr<detail::instance>> from_;
  std::size_t size_ = 0;
  std::size_t next_ = 0;
};

}  // namespace rondo
