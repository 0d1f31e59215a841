// A conversation with a kernel: threads that send requests whose replies are known beforehand, and
// the test's own thread that takes the replies and checks each: whole, once, in the order of its
// sender. What differs is a complaint of the kernel's.
#pragma once

#include "handlers.hpp"
#include "host_kernel.hpp"

#include <random>

namespace rondo::test {

enum class pace { flood, bursts, one_by_one };

struct traffic {
  std::uint64_t messages = 400;  // in all
  unsigned senders = 1;
  pace how = pace::flood;
  bool with_failures = true;
  bool with_abandoned = true;
  std::function<void(std::uint64_t)> before_message = nullptr;  // by its sender
};

// What is sent as message n, and what must come back.
struct message_plan {
  bool is_abandoned = false;
  wish wanted = wish::reply;
  std::uint32_t many = 0;

  bool fails() const { return wanted != wish::reply; }
};

inline message_plan plan_of(std::uint64_t id, const traffic& t) {
  const std::uint32_t dice = word_of(id, 77);
  message_plan p;
  p.is_abandoned = t.with_abandoned && dice % 16 == 0;
  if (t.with_failures && dice % 16 == 1) p.wanted = wish::fail;
  if (t.with_failures && dice % 16 == 2) p.wanted = wish::fail_last;
  constexpr std::uint32_t many[] = {1, 0, 1, 5, 0, 2, 1, 12};
  p.many = many[(dice >> 8) % 8];
  return p;
}

template <class M>
ring::envelope envelope_of(std::uint64_t id, std::uint32_t length) {
  ring::envelope e = envelope_for(id, length);
  e.version = detail::message_of<M>.version;
  return e;
}

// A message with its envelope, as a sender's slot takes it.
template <class M>
struct packed {
  ring::envelope header;
  std::vector<std::byte> bytes;

  explicit packed(std::uint64_t id, const message_plan& plan = {}) : bytes(detail::max_bytes<M>()) {
    auto m = std::make_unique<M>();
    fill(*m, id);
    m->wanted = plan.wanted;
    m->many = plan.many;
    const auto length = encode(*m, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    header = envelope_of<M>(id, static_cast<std::uint32_t>(length));
  }
};

// Empty if this is the reply to request `id` whose words are those of `number`; else what is wrong.
template <class M>
std::string wrong_reply(const ring::message& m, std::uint64_t id, std::uint64_t number) {
  const ring::envelope& h = *m.header;
  const std::string who = "reply to " + std::to_string(id) + ": ";
  if (h.correlation_id != correlation_for(id))
    return who + "it answers " + std::to_string(id_behind(h.correlation_id));
  if (h.type != RONDO_TYPE_RESPONSE) return who + "its type is " + std::to_string(h.type);
  if (h.flags != 0) return who + "its flags are " + std::to_string(h.flags);
  if (h.version != detail::message_of<M>.version) return who + "its version is wrong";
  if (h.message_id != m.sequence + 1) return who + "its message id is not its sequence + 1";
  auto got = std::make_unique<M>();
  if (!decode(m.payload, h.length, *got)) return who + "its bytes are not a message";
  if (got->id != number) return who + "another reply came";
  if (!is_filled(*got, number)) return who + "it is torn";
  return {};
}

// Text `any_text`: some reason, whichever.
inline constexpr const char* any_text = "*";
inline std::string wrong_failure(const ring::message& m, std::uint64_t id, std::int32_t code,
                                 std::int32_t user_code, const std::string& text) {
  const ring::envelope& h = *m.header;
  const std::string who = "failure of " + std::to_string(id) + ": ";
  if (h.correlation_id != correlation_for(id))
    return who + "it answers " + std::to_string(id_behind(h.correlation_id));
  if (h.flags != RONDO_FLAG_FAILED) return who + "its flags are " + std::to_string(h.flags);
  if (h.message_id != m.sequence + 1) return who + "its message id is not its sequence + 1";
  rondo_failure f{};
  if (h.length < offsetof(rondo_failure, text) || h.length > sizeof f) return who + "its length";
  std::memcpy(&f, m.payload, h.length);
  const std::string said(f.text, h.length - offsetof(rondo_failure, text));
  if (f.code != code || f.user_code != user_code ||
      (text == any_text ? said.empty() : said != text))
    return who + std::to_string(f.code) + ", " + std::to_string(f.user_code) + ", " + said;
  return {};
}

template <class H, class P = ring::platform, class X = host_threads>
class conversation {
  using request = typename H::request;
  using response = typename H::response;
  static constexpr bool emits = !replying_handler<H>;

 public:
  conversation(host_kernel<H, P, X>& kernel, const traffic& t) : kernel_(kernel), traffic_(t) {
    for (unsigned s = 0; s < t.senders; ++s) senders_.push_back(std::make_unique<sender>());
  }

  // Until every reply is here.
  void run() {
    std::vector<std::thread> threads;
    for (unsigned s = 0; s < traffic_.senders; ++s) threads.emplace_back([this, s] { send(s); });
    receive();
    for (auto& t : threads) t.join();
  }

  std::uint64_t sent_by_each() const { return traffic_.messages / traffic_.senders; }

  // With the kernel paused or ended: its counters say what was.
  void check_counters() {
    const device::counters_line c = kernel_.counters();
    const auto same = [&](const char* what, std::uint64_t got, std::uint64_t want) {
      if (got != want)
        kernel_.complain(std::string(what) + " is " + std::to_string(got) + ", not " +
                         std::to_string(want));
    };
    std::uint64_t in = 0, dropped = 0, failed = 0, bytes = 0;
    for (auto& s : senders_)
      in += s->handled, dropped += s->abandoned, failed += s->failed, bytes += s->bytes;
    same("messages_in", c.messages_in, in);
    same("messages_dropped", c.messages_dropped, dropped);
    same("messages_failed", c.messages_failed, failed);
    same("messages_out", c.messages_out, replies_);
    same("bytes_in", c.bytes_in, bytes);
    same("bytes_out", c.bytes_out, reply_bytes_);
    if (c.polls == 0) kernel_.complain("it never polled");
  }

 private:
  struct sender {
    std::uint64_t handled = 0, abandoned = 0, failed = 0, bytes = 0;  // what is to be expected
    std::atomic<std::uint64_t> answered{0};  // messages that are done with, in order
    std::uint64_t next = 0;                  // the receiver's: the message whose reply is due
    std::uint32_t part = 0;                  // which of its replies
  };

  static std::uint64_t id_of(unsigned s, std::uint64_t n) { return std::uint64_t{s} << 32 | n; }
  std::uint32_t replies_to(const message_plan& p) const {
    if (p.is_abandoned) return 0;
    return emits ? p.many + (p.fails() ? 1 : 0) : 1;
  }

  void send(unsigned number) {
    sender& s = *senders_[number];
    std::minstd_rand random(number + 1);
    std::uint64_t left = 0;  // of a burst
    for (std::uint64_t n = 0; n < sent_by_each() && !kernel_.gave_up(); ++n) {
      if (traffic_.before_message) traffic_.before_message(n);
      const message_plan p = plan_of(id_of(number, n), traffic_);
      if (p.is_abandoned) abandon();
      else push(s, id_of(number, n), p);
      if (p.is_abandoned) ++s.abandoned;
      if (traffic_.how == pace::flood || (traffic_.how == pace::bursts && left-- > 0)) continue;
      left = random() % 8;
      kernel_.until([&] { return is_answered(s, number, n); }, "the replies of a burst");
    }
  }
  // The receiver passes messages without replies when it comes to the next one that has some.
  bool is_answered(const sender& s, unsigned number, std::uint64_t n) const {
    while (replies_to(plan_of(id_of(number, n), traffic_)) == 0 && n > 0) --n;
    return replies_to(plan_of(id_of(number, n), traffic_)) == 0 || s.answered.load() > n;
  }
  void push(sender& s, std::uint64_t id, const message_plan& p) {
    const packed<request> m(id, p);
    kernel_.push(m.header, m.bytes.data());
    ++s.handled;
    s.bytes += m.header.length;
    if (p.fails()) ++s.failed;
  }
  void abandon() {
    ring::claim c;
    if (kernel_.until([&] { return kernel_.in().try_reserve(1, c) == RONDO_OK; }, "a slot"))
      kernel_.in().abandon(c);
  }

  void receive() {
    std::uint64_t left = 0;
    for (unsigned s = 0; s < traffic_.senders; ++s)
      for (std::uint64_t n = 0; n < sent_by_each(); ++n)
        left += replies_to(plan_of(id_of(s, n), traffic_));
    ring::message m;
    for (; left > 0 && kernel_.peek(m); --left) {
      check(m);
      ++replies_;
      reply_bytes_ += m.header->length;
      kernel_.out().release();
    }
  }
  void check(const ring::message& m) {
    const std::uint64_t id = id_behind(m.header->correlation_id);
    const std::uint64_t number = id >> 32;
    if (number >= senders_.size()) return kernel_.complain("a reply to nobody");
    sender& s = *senders_[number];
    message_plan p;
    while (s.next < sent_by_each() &&
           replies_to(p = plan_of(id_of(static_cast<unsigned>(number), s.next), traffic_)) == 0)
      ++s.next;
    const std::uint64_t due = id_of(static_cast<unsigned>(number), s.next);
    const bool is_failure = p.fails() && (!emits || s.part == p.many);
    const std::string wrong =
        is_failure ? wrong_failure(m, due, RONDO_HANDLER_FAILED, wanted_code, "as you wish")
                   : wrong_reply<response>(m, due, answer_to(emits ? due << 8 | s.part : due));
    if (!wrong.empty()) kernel_.complain(wrong);
    if (++s.part < replies_to(p)) return;
    s.part = 0;
    s.answered.store(++s.next);
  }

  host_kernel<H, P, X>& kernel_;
  const traffic traffic_;
  std::vector<std::unique_ptr<sender>> senders_;
  std::uint64_t replies_ = 0;
  std::uint64_t reply_bytes_ = 0;
};

}  // namespace rondo::test
