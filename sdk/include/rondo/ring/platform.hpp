// The memory operations that the ring protocol is built from, for host and device code. This is the
// only file of the ring that knows which compiler reads it. Every operation names its order; scope
// is the whole system, because the other side may be across PCIe. The protocol takes this class as
// a template parameter so that tests can substitute one that explores interleavings.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__CUDACC__)
#define RONDO_HD __host__ __device__
#else
#define RONDO_HD
#endif

// In front of a loop that a device's compiler should not copy out: code that is seldom run, beside
// code that has to be near at each message.
#if defined(__CUDACC__)
#define RONDO_KEEP_LOOP _Pragma("unroll 1")
#else
#define RONDO_KEEP_LOOP
#endif

// For functions whose arguments must not go through memory.
#define RONDO_INLINE __attribute__((always_inline)) inline

#if defined(__SANITIZE_THREAD__)
#define RONDO_RING_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RONDO_RING_TSAN 1
#endif
#endif

#if !defined(__CUDA_ARCH__) && !defined(RONDO_RING_TSAN)
#include <emmintrin.h>
#endif
#if !defined(__CUDA_ARCH__) && defined(__x86_64__)
#include <cpuid.h>
#endif

namespace rondo::ring {

// 16 bytes that are read and written in one piece: 12 of content and a tag.
struct alignas(16) chunk {
  std::uint32_t content[3];
  std::uint32_t tag;
};

struct platform {
#if defined(RONDO_RING_TSAN)
  __extension__ typedef unsigned __int128 wide;
#endif

  // SSE loads and stores are single-copy atomic on every x86-64 processor with AVX (Intel SDM vol.
  // 3, "Guaranteed Atomic Operations"; AMD64 APM vol. 2, 7.3.2); .b128 accesses are in PTX 8.4 and
  // up on sm_70 and up. A backend offers chunked publication only where that holds.
  static bool chunks_are_atomic() {
#if defined(__CUDA_ARCH__)
    return true;
#else
    return __builtin_cpu_supports("avx") != 0;
#endif
  }

  RONDO_HD static std::uint64_t load_relaxed(const std::uint64_t* p) {
#if defined(__CUDA_ARCH__)
    std::uint64_t v;
    asm volatile("ld.relaxed.sys.global.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
    return v;
#else
    return __atomic_load_n(p, __ATOMIC_RELAXED);
#endif
  }

  RONDO_HD static std::uint64_t load_acquire(const std::uint64_t* p) {
#if defined(__CUDA_ARCH__)
    std::uint64_t v;
    asm volatile("ld.acquire.sys.global.u64 %0, [%1];" : "=l"(v) : "l"(p) : "memory");
    return v;
#else
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
#endif
  }

  RONDO_HD static void store_relaxed(std::uint64_t* p, std::uint64_t v) {
#if defined(__CUDA_ARCH__)
    asm volatile("st.relaxed.sys.global.u64 [%0], %1;" ::"l"(p), "l"(v) : "memory");
#else
    __atomic_store_n(p, v, __ATOMIC_RELAXED);
#endif
  }

  RONDO_HD static void store_release(std::uint64_t* p, std::uint64_t v) {
#if defined(__CUDA_ARCH__)
    asm volatile("st.release.sys.global.u64 [%0], %1;" ::"l"(p), "l"(v) : "memory");
#else
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
#endif
  }

  // Gives back what was read: behind loads whose values decided that this store happens. On the
  // host that is a release; a GPU does not issue a store before the loads it depends on have
  // returned, and a release there would wait half a microsecond for everything written before.
  RONDO_HD static void store_after_loads(std::uint64_t* p, std::uint64_t v) {
#if defined(__CUDA_ARCH__)
    store_relaxed(p, v);
#else
    store_release(p, v);
#endif
  }

  // All that this thread wrote, and has seen others of its device write, comes before what it
  // writes next, for everybody. For memory beside the ring that replies do not order; a host's
  // stores and the ring's are in order as they are. On a device it takes as long as the slowest of
  // those writes is away.
  RONDO_HD static void settle_writes() {
#if defined(__CUDA_ARCH__)
    asm volatile("fence.acq_rel.sys;" ::: "memory");
#endif
  }

  // The two read-modify-writes below touch memory of the caller's own side only, never across a
  // bus.
  RONDO_HD static bool compare_exchange(std::uint64_t* p, std::uint64_t& expected,
                                        std::uint64_t desired) {
#if defined(__CUDA_ARCH__)
    std::uint64_t seen;
    asm volatile("atom.relaxed.gpu.global.cas.b64 %0, [%1], %2, %3;"
                 : "=l"(seen)
                 : "l"(p), "l"(expected), "l"(desired)
                 : "memory");
    const bool won = seen == expected;
    expected = seen;
    return won;
#else
    return __atomic_compare_exchange_n(p, &expected, desired, true, __ATOMIC_RELAXED,
                                       __ATOMIC_RELAXED);
#endif
  }

  RONDO_HD static std::uint64_t exchange_acq_rel(std::uint64_t* p, std::uint64_t v) {
#if defined(__CUDA_ARCH__)
    std::uint64_t old;
    asm volatile("atom.acq_rel.gpu.global.exch.b64 %0, [%1], %2;"
                 : "=l"(old)
                 : "l"(p), "l"(v)
                 : "memory");
    return old;
#else
    return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL);
#endif
  }

  // Order: the tag travels with the content, so none is needed for correctness; on the host the
  // access is acquire (load) and release (store) all the same, which x86 gives for nothing.
  RONDO_HD static chunk load_chunk(const chunk* p) {
    chunk c;
#if defined(__CUDA_ARCH__)
    std::uint64_t lo, hi;
    asm volatile("{ .reg .b128 t; ld.relaxed.sys.global.b128 t, [%2]; mov.b128 {%0, %1}, t; }"
                 : "=l"(lo), "=l"(hi)
                 : "l"(p)
                 : "memory");
    c.content[0] = static_cast<std::uint32_t>(lo);
    c.content[1] = static_cast<std::uint32_t>(lo >> 32);
    c.content[2] = static_cast<std::uint32_t>(hi);
    c.tag = static_cast<std::uint32_t>(hi >> 32);
#elif defined(RONDO_RING_TSAN)
    const auto v = __atomic_load_n(reinterpret_cast<const wide*>(p), __ATOMIC_ACQUIRE);
    __builtin_memcpy(&c, &v, sizeof c);
#else
    __m128i v;
    asm volatile("movdqa %1, %0" : "=x"(v) : "m"(*p) : "memory");
    __builtin_memcpy(&c, &v, sizeof c);
#endif
    return c;
  }

  RONDO_HD static void store_chunk(chunk* p, const chunk& c) {
#if defined(__CUDA_ARCH__)
    const std::uint64_t lo = c.content[0] | static_cast<std::uint64_t>(c.content[1]) << 32;
    const std::uint64_t hi = c.content[2] | static_cast<std::uint64_t>(c.tag) << 32;
    asm volatile(
        "{ .reg .b128 t; mov.b128 t, {%1, %2}; st.relaxed.sys.global.b128 [%0], t; }" ::"l"(p),
        "l"(lo), "l"(hi)
        : "memory");
#elif defined(RONDO_RING_TSAN)
    wide v;
    __builtin_memcpy(&v, &c, sizeof c);
    __atomic_store_n(reinterpret_cast<wide*>(p), v, __ATOMIC_RELEASE);
#else
    __m128i v;
    __builtin_memcpy(&v, &c, sizeof c);
    asm volatile("movdqa %1, %0" : "=m"(*p) : "x"(v) : "memory");
#endif
  }

  // Whether store_line() can write 64 bytes in one piece, so that they cross a bus as one write.
  static bool has_whole_line_stores() {
#if defined(__CUDA_ARCH__) || !defined(__x86_64__)
    return false;
#else
    static const bool has = has_wide_registers() || has_direct_stores();
    return has;
#endif
  }

  // Writes the 64-byte line of chunks at `p`, where has_whole_line_stores() by one store. It is
  // ordered before later stores only by flush_lines().
  RONDO_HD static void store_line(chunk* p, const chunk* four) {
#if defined(__CUDA_ARCH__) || defined(RONDO_RING_TSAN) || !defined(__x86_64__)
    for (int k = 4; k-- > 0;) store_chunk(p + k, four[k]);
#else
    struct line {
      chunk chunks[4];
    };
    static const bool wide_registers = has_wide_registers();
    if (wide_registers) {
      // Register 16 and up: used without a vzeroupper, the lower ones would slow SSE code.
      asm volatile("vmovdqu64 %1, %%zmm16\n\tvmovdqa64 %%zmm16, %0"
                   : "=m"(*reinterpret_cast<line*>(p))
                   : "m"(*reinterpret_cast<const line*>(four))
#if defined(__AVX512F__)
                   : "xmm16", "memory"
#else
                   : "memory"
#endif
      );
    } else {
      // movdir64b (%rdx), %rax: in bytes, because assemblers of 2018 do not know it.
      asm volatile(".byte 0x66, 0x0f, 0x38, 0xf8, 0x02" ::"a"(p), "d"(four) : "memory");
    }
#endif
  }

  // Sends on what store_line() wrote: write-combining memory may hold it back for long.
  RONDO_HD static void flush_lines() {
#if !defined(__CUDA_ARCH__) && !defined(RONDO_RING_TSAN) && defined(__x86_64__)
    _mm_sfence();
#endif
  }

  // Ask for the line at `p` without waiting for it. On the host alone; a device polls across a bus,
  // where each look costs.
  RONDO_HD static void prefetch_to_write(const void* p) {
#if !defined(__CUDA_ARCH__) && defined(__x86_64__)
    // Not __builtin_prefetch, which falls back to a prefetch for reading without -mprfchw. Does
    // nothing on the processors that do not know it.
    asm volatile("prefetchw %0" ::"m"(*static_cast<const char*>(p)));
#else
    (void)p;
#endif
  }

  RONDO_HD static void prefetch(const void* p) {
#if !defined(__CUDA_ARCH__)
    __builtin_prefetch(p);
#else
    (void)p;
#endif
  }

  // The value is worked out here, not where it is first needed: the compiler would move that behind
  // a wait.
  RONDO_HD static void work_out(std::uint32_t& value) { asm volatile("" : "+r"(value)); }
  RONDO_HD static void work_out(std::uint64_t& value) {
#if defined(__CUDA_ARCH__)
    asm volatile("" : "+l"(value));
#else
    asm volatile("" : "+r"(value));
#endif
  }

  RONDO_HD static void pause() {
#if defined(__CUDA_ARCH__)
    __nanosleep(20);
#elif defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

 private:
#if !defined(__CUDA_ARCH__) && defined(__x86_64__)
  static bool has_wide_registers() { return __builtin_cpu_supports("avx512f") != 0; }
  static bool has_direct_stores() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (c >> 28 & 1) != 0;
  }
#endif
};

}  // namespace rondo::ring
