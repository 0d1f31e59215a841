// Sends one message of each kind and prints what came back: plain; encoded, with everything in it
// empty, with one of each, and full; and one that only a host can read. The backend is the
// argument; without one it is the CPU, which takes all of them.
#include "messages.hpp"
#include "settings.hpp"

#include <rondo/runtime.hpp>

#include <cstddef>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

namespace {

// How long the message is on its way.
template <class T>
int bytes_of(const T& message) {
  std::byte room[256];
  return static_cast<int>(rondo::encode(message, room, sizeof room));
}

void plain(rondo::runtime& runtime, const std::string& backend) {
  auto kernel = runtime.launch<mirror>({.backend = backend});
  kernel.activate();
  const point sent{1.5, -2.5, axis::y, {1, 2, 3}};
  const auto back = kernel.call(sent, 5s);
  std::printf("plain: %d bytes\n", bytes_of(sent));
  std::printf("  (%g, %g) is mirrored to (%g, %g), tags %u %u %u\n", sent.x, sent.y, back->x,
              back->y, back->tags[0], back->tags[1], back->tags[2]);
}

std::string words_of(const rondo::optional<address>& place) {
  if (!place) return "none";
  return "'" + place->street.to<std::string>() + "', floor " +
         (place->floor ? std::to_string(*place->floor) : "none");
}

void print(const char* what, const order_request& sent, const order_response& back) {
  std::printf("%s: %d bytes\n", what, bytes_of(sent));
  std::printf("  %s, %s\n", back.how == delivery::express ? "express" : "standard",
              back.is_gift ? "a gift" : "no gift");
  std::printf("  label of %u: '%s'\n", back.label.size(), back.label.to<std::string>().c_str());
  std::printf("  articles: %u", back.cents.size());
  for (const std::uint64_t cents : back.cents)
    std::printf(", %llu", static_cast<unsigned long long>(cents));
  std::printf("\n  dearest: %s\n",
              back.dearest ? back.dearest->name.to<std::string>().c_str() : "none");
  std::printf("  to: %s\n", words_of(back.to).c_str());
}

void encoded(rondo::runtime& runtime, const std::string& backend) {
  auto kernel = runtime.launch<take_order>({.backend = backend});
  kernel.activate();

  order_request order;
  print("encoded, empty", order, kernel.call(order, 5s).value());

  order.how = delivery::express;
  order.is_gift = true;
  order.customer = "A";
  order.articles.push_back({"b", 1, 250});
  order.elsewhere = address{"Ring 1", {}};
  print("encoded, one of each", order, kernel.call(order, 5s).value());

  order.customer = "sixteen letters.";
  order.articles.clear();
  for (std::uint32_t i = 1; i <= order.articles.max_size(); ++i)
    order.articles.push_back({"twelve chars", i, 4'000'000'000u});
  order.elsewhere = address{"twenty letters long.", 9u};
  print("encoded, full", order, kernel.call(order, 5s).value());

  // What does not fit is refused where it is put in, and the value stays as it was.
  std::printf("one article more: %s\n", order.articles.push_back({}) ? "?" : "refused");
  std::printf("a longer name: %s, it is still '%s'\n",
              order.customer.assign(std::string("seventeen letters")) ? "?" : "refused",
              order.customer.to<std::string>().c_str());
}

void host_only(rondo::runtime& runtime, const std::string& backend) try {
  auto kernel = runtime.launch<complete_settings>({.backend = backend});
  kernel.activate();
  const settings sent{{{"size", "large"}, {"shape", "round"}}};
  const auto back = kernel.call(sent, 5s);
  std::printf("host only:\n");
  for (const auto& [name, value] : back->values)
    std::printf("  %s = %s\n", name.c_str(), value.c_str());
} catch (const rondo::error& refused) {
  std::printf("host only: %s: %s\n", std::string(rondo::status_name(refused.code())).c_str(),
              refused.message().c_str());
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string backend = argc > 1 ? argv[1] : "cpu";
  auto runtime = rondo::runtime::open();
  plain(runtime, backend);
  encoded(runtime, backend);
  host_only(runtime, backend);
} catch (const rondo::error& failed) {
  std::fprintf(stderr, "messages: %s\n", failed.what());
  return 1;
}
