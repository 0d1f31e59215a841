// Handlers that between them use everything a handler may use on a device: plain and encoded
// messages, each container and kind of field, a handler that emits, state, buffers, failure. And
// one handler that needs a host, which must not keep the others from having a device image.
#include <rondo/kernel/cereal.hpp>
#include <rondo/kernel/registration.hpp>
#include <rondo/kernel/scenario.hpp>

#include <cereal/types/map.hpp>
#include <cereal/types/string.hpp>

#include <map>
#include <string>

namespace smoke {

enum class color : std::uint16_t { red, green };

struct plain_pair {
  double x;
  std::uint32_t counts[2];
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(x, counts);
  }
};
RONDO_MESSAGE(plain_pair, "SmokePair", 1, plain);

struct point {
  float x = 0, y = 0;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(x, y);
  }
};

struct everything {
  bool flag = false;
  color tint = color::red;
  std::int8_t small = 0;
  std::int64_t large = 0;
  std::uint16_t shorts[3] = {};
  point corners[2];
  rondo::bounded_string<20> name;
  rondo::bounded_vector<point, 4> path;
  rondo::bounded_vector<std::uint64_t, 5> words;
  rondo::optional<double> weight;
  rondo::optional<point> center;
  rondo::optional<rondo::bounded_string<8>> nick;
  rondo::buffer_ref samples;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(flag, tint, small, large, shorts, corners, name, path, words, weight, center, nick, samples);
  }
};
RONDO_MESSAGE(everything, "SmokeEverything", 3, encoded);

struct swap_pair {
  static constexpr rondo::handler_id id{"SmokeSwap"};
  using request = plain_pair;
  using response = plain_pair;
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    if (in.x != in.x) return ctx.fail(1, "x is no number");
    out = {in.x * 2, {in.counts[1], in.counts[0]}};
  }
};
RONDO_KERNEL(swap_pair);

struct transform {
  static constexpr rondo::handler_id id{"SmokeTransform"};
  using request = everything;
  using response = everything;

  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context& ctx) {
    out = in;
    out.flag = !in.flag;
    out.large = static_cast<std::int64_t>(ctx.message_id() + ctx.correlation_id() + ctx.lanes());
    out.name = "smoke";
    if (in.nick) out.name.assign(*in.nick);
    if (!out.path.push_back({1, 2})) out.path.clear();
    for (point& p : out.path) p.x += total;
    for (const std::uint64_t word : in.words) total += static_cast<float>(word);
    if (!out.words.resize(3)) ctx.fail(2, "three words do not fit");
    if (in.center) out.corners[0] = *in.center;
    out.center.emplace().x = in.weight.has_value() ? 1.0f : 0.0f;
    out.weight = in.weight.value_or(0.5) + total;
    if (in.nick == out.nick && in.tint == color::green) out.nick.reset();
    const auto samples = ctx.resolve<float>(in.samples);
    for (std::uint64_t i = 0; i < samples.size; ++i) samples[i] += total;
  }
  float total = 0;
};
RONDO_KERNEL(transform);

struct count_down {
  static constexpr rondo::handler_id id{"SmokeCountDown"};
  using request = plain_pair;
  using response = everything;
  RONDO_HANDLER void operator()(const request& in, rondo::emitter<response>& out, rondo::context&) {
    response reply;
    for (std::uint32_t i = in.counts[0]; i > 0; --i) {
      reply.large = i;
      if (!out.emit(reply)) return;
    }
  }
};
RONDO_KERNEL(count_down);

struct settings {
  std::map<std::string, std::string> values;
  template <class A>
  void serialize(A& ar) {
    ar(values);
  }
};
RONDO_HOST_MESSAGE(settings, "SmokeSettings", 1, 1000);

struct configure {
  static constexpr rondo::handler_id id{"SmokeConfigure"};
  using request = settings;
  using response = settings;
  void operator()(const request& in, response& out, rondo::context&) {
    out = in;
    out.values["seen"] = "yes";
  }
};
RONDO_KERNEL(configure);

// Hooks of each kind on a device, and an argument that only a host can read.
struct clockwork {
  static constexpr rondo::handler_id id{"SmokeClockwork"};
  static constexpr auto execution = rondo::execution::warp;
  using request = plain_pair;
  using response = plain_pair;
  RONDO_HANDLER void on_start(const everything& with, rondo::context& ctx) {
    ticks = static_cast<std::uint64_t>(with.large);
    ctx.call_again_after(std::chrono::milliseconds(1));
  }
  RONDO_HANDLER void on_stop(rondo::context&) { ticks = 0; }
  RONDO_HANDLER void on_timer(rondo::context& ctx) {
    ++ticks;
    ctx.call_again_after(std::chrono::milliseconds(1));
  }
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) {
    out = {in.x, {in.counts[0], static_cast<std::uint32_t>(ticks)}};
  }
  std::uint64_t ticks = 0;
};
RONDO_KERNEL(clockwork);

struct configured_by_host {
  static constexpr rondo::handler_id id{"SmokeConfiguredByHost"};
  using request = plain_pair;
  using response = plain_pair;
  void on_start(const settings& with, rondo::context&) { count = with.values.size(); }
  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) { out = in; }
  std::uint64_t count = 0;
};
RONDO_KERNEL(configured_by_host);

struct nothing_asked {
  static constexpr const char* name = "nothing";
  static constexpr std::uint32_t message_count = 0;
  explicit nothing_asked(rondo::scenario_buffers) {}
  plain_pair next(std::uint32_t, std::string& label) {
    rondo::bounded_string<10> text;
    label = text.assign(label) ? text.to<std::string>() : "long";
    return {};
  }
  void check(std::uint32_t, const plain_pair&) {}
};
RONDO_SCENARIO(swap_pair, nothing_asked);

}  // namespace smoke
