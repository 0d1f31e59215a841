// The host's side of the start-up ping.
#include "ping.hpp"

#include "ping_args.hpp"

#include <rondo/ring/wait.hpp>

#include <algorithm>
#include <cstdlib>
#include <vector>

extern "C" __attribute__((visibility("hidden"))) const unsigned char rondo_cuda_ping_begin[];

namespace rondo::cuda {

namespace {

constexpr std::uint32_t warm_up = 50;
constexpr std::uint32_t pings = 400;
constexpr std::uint64_t answer_limit_ns = 100'000'000;
// The first launch on a device sets much up before it runs.
constexpr std::uint64_t first_answer_limit_ns = 2'000'000'000;
constexpr std::uint64_t kernel_limit_ns = 500'000'000;

// Where the host writes questions, and how.
struct question_place {
  ring::chunk* host;
  std::uint64_t device;
  bool whole_lines;
};

// For tests: as on a machine where a resident kernel does not see what the host writes.
bool are_writes_hidden() {
  const char* const asked_for = ::secure_getenv("RONDO_CUDA_HIDE_WRITES");
  return asked_for != nullptr && *asked_for != '\0';
}

void ask(const question_place& at, const ring::chunk& question) {
  if (!at.whole_lines) return ring::platform::store_chunk(at.host, question);
  alignas(64) ring::chunk line[4] = {question, {}, {}, {}};
  ring::platform::store_line(at.host, line);
  ring::platform::flush_lines();
}

struct sample {
  std::uint64_t took_ns;
  std::int64_t offset_ns;
};

std::uint64_t wide_number(const ring::chunk& c) {
  return c.content[0] | static_cast<std::uint64_t>(c.content[1]) << 32;
}

class ping_run {
 public:
  ping_run(CUfunction function, pinned_arena& pinned, const question_place& at)
      : at_(at), pinned_(pinned), block_(pinned.allocate(ring::line_bytes)) {
    check(the_driver().cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING), "CUDA stream",
          "none can be made");
    ask(at, {});  // where the window was verified lies what looks like a question
    ping_args args{at.device, block_.device, warm_up + pings, 0, kernel_limit_ns};
    void* parameters[] = {&args};
    check(the_driver().cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream_, parameters, nullptr),
          "start-up ping", "it cannot be launched");
  }
  ~ping_run() {
    const CUresult ended = wait_for_stream(stream_, ring::now_ns() + 2 * kernel_limit_ns);
    if (ended == CUDA_ERROR_NOT_READY) return;  // it may still write: nothing is given back
    the_driver().cuStreamDestroy(stream_);
    pinned_.release(block_);
  }
  ping_run(const ping_run&) = delete;
  ping_run& operator=(const ping_run&) = delete;

  // False if no answer came in time, or a wrong one.
  bool once(std::uint32_t number, sample& out) {
    const std::uint32_t nonce = number * 2654435761u;
    const std::uint64_t begin = ring::now_ns();
    if (!are_hidden_) ask(at_, {{nonce, 0, 0}, number});
    const auto* from = reinterpret_cast<const ring::chunk*>(block_.host);
    ring::chunk answer;
    std::uint64_t now = begin;
    while ((answer = ring::platform::load_chunk(from)).tag != number) {
      now = ring::now_ns();
      if (now - begin > (number == 1 ? first_answer_limit_ns : answer_limit_ns)) return false;
    }
    now = ring::now_ns();
    const std::uint64_t took = now - begin;
    out = {took, static_cast<std::int64_t>(wide_number(answer) - (begin + took / 2))};
    return answer.content[2] == (nonce ^ ping_secret);
  }

 private:
  const question_place at_;
  const bool are_hidden_ = are_writes_hidden();
  pinned_arena& pinned_;
  pinned_block block_;
  CUstream stream_ = nullptr;
};

// Where a resident kernel does not see what the host writes: one that finds its question there when
// it begins. False if it does not answer. The clocks are compared less exactly then, to half of
// what a launch takes.
bool ask_by_launch(CUfunction function, pinned_arena& pinned, const question_place& at,
                   sample& out) {
  const pinned_block block = pinned.allocate(ring::line_bytes);
  CUstream stream = nullptr;
  check(the_driver().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "CUDA stream",
        "none can be made");
  ask(at, {{0, 0, 0}, 1});
  ping_args args{at.device, block.device, 1, 0, kernel_limit_ns};
  void* parameters[] = {&args};
  const std::uint64_t begin = ring::now_ns();
  check(the_driver().cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream, parameters, nullptr),
        "start-up ping", "it cannot be launched");
  const CUresult ended = wait_for_stream(stream, begin + 2 * kernel_limit_ns);
  if (ended == CUDA_ERROR_NOT_READY) return false;  // it may still write: nothing is given back
  const std::uint64_t took = ring::now_ns() - begin;
  the_driver().cuStreamDestroy(stream);
  const auto answer = ring::platform::load_chunk(reinterpret_cast<const ring::chunk*>(block.host));
  pinned.release(block);
  out = {took, static_cast<std::int64_t>(wide_number(answer) - (begin + took / 2))};
  return ended == CUDA_SUCCESS && answer.tag == 1 && answer.content[2] == ping_secret;
}

void compare_clocks(ping_result& result, const sample& best) {
  result.knows_clock = true;
  result.clock_offset_ns = best.offset_ns;
  result.clock_error_ns = (best.took_ns + 1) / 2;
}

void compare_clocks_by_launches(CUfunction function, pinned_arena& pinned, const question_place& at,
                                ping_result& result) {
  constexpr int launches = 10;
  sample best{}, one{};
  for (int i = 0; i < launches && ask_by_launch(function, pinned, at, one); ++i)
    if (i == 0 || one.took_ns < best.took_ns) best = one;
  if (best.took_ns != 0) compare_clocks(result, best);
}

ping_figures measure(CUfunction function, pinned_arena& pinned, const question_place& at,
                     std::vector<sample>& samples) {
  ping_figures figures;
  samples.clear();
  ping_run run(function, pinned, at);
  for (std::uint32_t i = 1; i <= warm_up + pings; ++i) {
    sample one{};
    if (!run.once(i, one)) {
      figures.why_not = "a resident kernel did not answer ping " + std::to_string(i) +
                        ", written by the host there, in time";
      return figures;
    }
    if (i > warm_up) samples.push_back(one);
  }
  std::sort(samples.begin(), samples.end(),
            [](const sample& a, const sample& b) { return a.took_ns < b.took_ns; });
  figures.answered = true;
  figures.least_ns = samples.front().took_ns;
  figures.p50_ns = samples[samples.size() / 2].took_ns;
  figures.p99_ns = samples[samples.size() * 99 / 100].took_ns;
  return figures;
}

}  // namespace

const char* to_string(placement p) {
  switch (p) {
    case placement::pinned: return "pinned";
    case placement::bar: return "bar";
    case placement::event: return "event";
  }
  return "unknown";
}

ping_result ping_device(CUcontext context, pinned_arena& pinned,
                        const std::optional<bar_window>& bar) {
  const context_scope current(context);
  CUmodule module = nullptr;
  CUfunction function = nullptr;
  check(the_driver().cuModuleLoadData(&module, rondo_cuda_ping_begin), "start-up ping",
        "its image cannot be loaded");
  check(the_driver().cuModuleGetFunction(&function, module, "rondo_cuda_ping"), "start-up ping",
        "its image has no entry");
  if (the_driver().cuFuncLoad != nullptr)
    check(the_driver().cuFuncLoad(function), "start-up ping", "its code cannot be loaded");
  ping_result result;
  std::vector<sample> samples;
  const pinned_block question = pinned.allocate(ring::line_bytes);
  const question_place in_host_memory{reinterpret_cast<ring::chunk*>(question.host),
                                      question.device, false};
  result.pinned = measure(function, pinned, in_host_memory, samples);
  if (result.pinned.answered) {
    result.best = placement::pinned;
    compare_clocks(result, samples.front());
  } else {
    compare_clocks_by_launches(function, pinned, in_host_memory, result);
  }
  pinned.release(question);
  if (bar) {
    result.bar =
        measure(function, pinned,
                {reinterpret_cast<ring::chunk*>(bar->host()), bar->device(), true}, samples);
    if (result.bar.answered &&
        (!result.pinned.answered || result.bar.p50_ns < result.pinned.p50_ns))
      result.best = placement::bar;
  }
  the_driver().cuModuleUnload(module);
  return result;
}

}  // namespace rondo::cuda
