// What a message can be made of: two handlers and their messages, which travel to every backend.
// Included by the kernel module and by its callers; what only a host can read is in settings.hpp.
#pragma once

#include <rondo/kernel/dispatch.hpp>

#include <cstdint>

// ---- plain: travels as it lies in memory

enum class axis : std::uint32_t { x, y };

struct point {
  double x = 0, y = 0;
  axis mirrored_at = axis::x;
  std::uint32_t tags[3] = {};  // without it the struct would end in padding, and not compile
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(x, y, mirrored_at, tags);
  }
};
RONDO_MESSAGE(point, "Point", 1, plain);

// One type may be request and response.
struct mirror {
  static constexpr rondo::handler_id id{"Mirror"};
  using request = point;
  using response = point;

  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) {
    out = in;
    if (in.mirrored_at == axis::x) out.y = -in.y;
    else out.x = -in.x;
    for (auto& tag : out.tags) ++tag;
  }
};

// ---- encoded: travels field by field, and takes no more than it has to say

enum class delivery : std::uint8_t { standard, express };

// Only what travels by itself needs RONDO_MESSAGE; a part of a message needs serialize().
struct article {
  rondo::bounded_string<12> name;
  std::uint32_t count = 0;
  std::uint32_t cents = 0;  // each
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(name, count, cents);
  }
};

struct address {
  rondo::bounded_string<20> street;
  rondo::optional<std::uint32_t> floor;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(street, floor);
  }
};

struct order_request {
  delivery how = delivery::standard;
  bool is_gift = false;
  rondo::bounded_string<16> customer;
  rondo::bounded_vector<article, 4> articles;
  rondo::optional<address> elsewhere;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(how, is_gift, customer, articles, elsewhere);
  }
};
RONDO_MESSAGE(order_request, "OrderRequest", 1, encoded);

struct order_response {
  delivery how = delivery::standard;
  bool is_gift = false;
  rondo::bounded_string<16> label;                // the customer, read backwards
  rondo::bounded_vector<std::uint64_t, 4> cents;  // of each article
  rondo::optional<article> dearest;
  rondo::optional<address> to;
  template <class A>
  RONDO_HANDLER constexpr void serialize(A& ar) {
    ar(how, is_gift, label, cents, dearest, to);
  }
};
RONDO_MESSAGE(order_response, "OrderResponse", 1, encoded);

struct take_order {
  static constexpr rondo::handler_id id{"TakeOrder"};
  using request = order_request;
  using response = order_response;

  RONDO_HANDLER void operator()(const request& in, response& out, rondo::context&) {
    out.how = in.how == delivery::standard ? delivery::express : delivery::standard;
    out.is_gift = !in.is_gift;
    out.label.resize(in.customer.size());
    for (std::uint32_t i = 0; i < in.customer.size(); ++i)
      out.label.data()[i] = in.customer.data()[in.customer.size() - 1 - i];
    std::uint64_t highest = 0;
    for (const article& each : in.articles) {
      const std::uint64_t cents = std::uint64_t{each.count} * each.cents;
      out.cents.push_back(cents);
      if (cents <= highest) continue;
      highest = cents;
      out.dearest = each;
    }
    out.to = in.elsewhere;
    if (out.to && out.to->floor) ++*out.to->floor;
  }
};
