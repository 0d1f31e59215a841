/* The C boundary of Rondo: everything that crosses between the core, a backend plugin and a kernel
 * module is declared here and nowhere else. Plain C11, only fixed-width types; a backend can be
 * written from this file alone.
 *
 * Object model. The host (librondo, "core") loads a *plugin* and reads its descriptor. The plugin
 * offers one *backend*; a backend has *devices*; a device holds *kernels* and *buffers*; a kernel
 * has exactly one input and one output *queue*. A kernel runs a *handler* that comes from a *kernel
 * module*, a library that knows neither core nor backend.
 *
 * Versions. RONDO_ABI_VERSION is one number. Host and plugin each state an interval; the highest
 * number in both is used, and none in common is a refusal that names both [ABI-01]. Structs with a
 * struct_size grow at the end only; whoever fills one sets it, and readers look no further than
 * that [ABI-02]. Structs without one never change. A function slot beyond the provider's
 * struct_size, or NULL, is treated as a function that returns RONDO_UNSUPPORTED and has no effect
 * [ABI-03].
 *
 * Ownership. What one side allocates the other never frees [ABI-11]. Strings are borrowed for the
 * length of the call unless a field says otherwise [ABI-04]. An opaque pointer returned by a create
 * function belongs to the caller until the matching destroy function; on failure the out parameter
 * is left untouched and nothing is held [ABI-05]. The host destroys kernels and buffers before it
 * closes their device, and closes devices before their backend [HOST-11].
 *
 * Threads. A function marked "any" may be called on any thread at any time while the object lives,
 * on several at once, and whichever thread made the object [ABI-16]. Calls of functions marked "one
 * at a time" are never concurrent on the same object; the host sees to it [HOST-10]. No function
 * may throw, exit, print, or call longjmp across this boundary [ABI-06].
 *
 * Blocking. Functions marked "never blocks" finish without waiting for another thread or for a
 * device [ABI-15]. A function that may block keeps the bound that it states, or 10 s if it states
 * none [ABI-14].
 */
#ifndef RONDO_ABI_H
#define RONDO_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RONDO_ABI_VERSION 1u
/* Rules carry ids in brackets, behind the sentence that states them; docs/rules.md lists them all
 * with the conformance cases that hold a backend to them.
 *
 * A plugin exports one symbol, rondo_plugin_entry, of type rondo_plugin_entry_fn, and shows no name
 * to the rest of the process [ABI-17]. */
#define RONDO_PLUGIN_ENTRY_NAME "rondo_plugin_entry"
/* The symbol by which the host finds a kernel module, of type rondo_module_entry_fn. */
#define RONDO_MODULE_ENTRY_NAME "rondo_module_entry"
#define RONDO_PLUGIN_MAGIC 0x4e4c50444e4f52ull /* "RONDPLN" */
#define RONDO_MODULE_MAGIC 0x444f4d444e4f52ull /* "RONDMOD" */

/* ---- status codes ------------------------------------------------------------------------------
 * Zero is success; positive codes are expected conditions; negative codes are failures. The list is
 * the one source of names and texts: X(NAME, value, "what it means"). */
typedef int32_t rondo_status;

#define RONDO_STATUS_LIST(X)                                                            \
  X(OK, 0, "done")                                                                      \
  X(FULL, 1, "the queue has no free slot")                                              \
  X(EMPTY, 2, "the queue has no message")                                               \
  X(TIMEOUT, 3, "the deadline passed")                                                  \
  X(INVALID_ARGUMENT, -1, "an argument is not allowed here")                            \
  X(INVALID_STATE, -2, "the object is in a state that does not allow this")             \
  X(UNSUPPORTED, -3, "the backend does not offer this")                                 \
  X(OUT_OF_MEMORY, -4, "memory could not be had")                                       \
  X(LIMIT_REACHED, -5, "a resource limit is reached")                                   \
  X(INTERNAL, -6, "an error that should not happen was caught at a boundary")           \
  X(TERMINATED, -7, "the kernel is terminated")                                         \
  X(ALREADY_EXISTS, -8, "the name is taken")                                            \
  X(INVALID_NAME, -10, "the name breaks the naming contract")                           \
  X(AMBIGUOUS_NAME, -11, "the name fits more than one queue")                           \
  X(NO_SUCH_QUEUE, -12, "no queue has this name")                                       \
  X(NO_SUCH_KERNEL, -13, "no module has this handler")                                  \
  X(NO_SUCH_BACKEND, -14, "no usable backend has this name")                            \
  X(NO_SUCH_DEVICE, -15, "the backend has no such device")                              \
  X(NO_SUCH_MODULE, -16, "no kernel module has this name")                              \
  X(NO_SUCH_BUFFER, -17, "the buffer handle is not alive")                              \
  X(NO_IMAGE, -18, "the module has no image for this backend")                          \
  X(REQUEST_MISMATCH, -20, "the request type is not the handler's")                     \
  X(RESPONSE_MISMATCH, -21, "the response type is not the handler's")                   \
  X(VERSION_MISMATCH, -22, "the message has another version than the handler")          \
  X(TOO_LARGE, -23, "the message does not fit the queue's slot")                        \
  X(MALFORMED, -24, "the bytes are not a message of this type")                         \
  X(CAPACITY_ZERO, -30, "a capacity is zero")                                           \
  X(CAPACITY_NOT_POWER_OF_TWO, -31, "a capacity is not a power of two")                 \
  X(CAPACITY_OVERFLOW, -32, "capacity times slot size is beyond what can be addressed") \
  X(HANDLER_FAILED, -40, "the handler reported a failure")                              \
  X(HANDLER_THREW, -41, "the handler threw an exception")                               \
  X(HANDLER_HUNG, -42, "the handler ran past its deadline and was abandoned")           \
  X(DEVICE_LOST, -43, "the device failed and takes no more work")                       \
  X(DROPPED, -44, "the message was dropped because a queue was full")                   \
  X(EXPIRED, -45, "the message outlived its time before it was handled")                \
  X(REPEATED, -46, "a message with this key was accepted before")                       \
  X(NO_SUCH_DIRECTORY, -50, "a directory named explicitly does not exist")              \
  X(NO_PLUGINS, -51, "no plugin file was found")                                        \
  X(NOT_A_SHARED_OBJECT, -52, "the file is not a shared object")                        \
  X(WRONG_ARCHITECTURE, -53, "the file was built for another processor")                \
  X(LOAD_FAILED, -54, "the system refused to load the file")                            \
  X(ENTRY_MISSING, -55, "the library does not export the entry symbol")                 \
  X(ABI_MISMATCH, -56, "the ABI intervals have no version in common")                   \
  X(BAD_DESCRIPTOR, -57, "the descriptor contradicts itself")                           \
  X(PROBE_CRASHED, -58, "the library crashed while being tried")                        \
  X(PROBE_TIMED_OUT, -59, "the library did not finish loading in time")                 \
  X(UNSAFE_PERMISSIONS, -60, "others may write the file or its directory")              \
  X(DUPLICATE, -61, "another file already provides this id")                            \
  X(NO_USABLE_DEVICE, -62, "the plugin loads, and no device can be used")               \
  X(FILTERED, -63, "left out on request")

enum {
#define RONDO_STATUS_ENUM(name, value, text) RONDO_##name = value,
  RONDO_STATUS_LIST(RONDO_STATUS_ENUM)
#undef RONDO_STATUS_ENUM
};

/* Bytes with a length; not terminated. */
typedef struct rondo_string {
  const char* data;
  uint64_t size;
} rondo_string;

/* Where a failing function puts its explanation. The sink is the host's, and report() copies what
 * it is given, so that no text outlives the library it came from [HOST-13]. A NULL sink is allowed
 * everywhere; a failing call reports once at most, from the thread that was called: subject is the
 * name of the thing that failed, message one sentence of what happened, remedy one sentence of what
 * to do about it [ABI-07]. */
typedef struct rondo_error_sink {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;
  void (*report)(void* self, rondo_status code, rondo_string subject, rondo_string message,
                 rondo_string remedy);
} rondo_error_sink;

/* ---- messages ------------------------------------------------------------------------------- */

/* Envelope flags. */
enum {
  RONDO_FLAG_FAILED = 1u << 0, /* a reply that carries rondo_failure instead of a response */
  RONDO_FLAG_MORE = 1u << 1,   /* RONDO_FLAG_MORE says that more replies to the same request follow,
                                  and arrives as the handler set it [EXEC-13] */
  RONDO_FLAG_ABANDONED = 1u << 2, /* a claimed slot that was given up, and no message; see TEL-16 */
  RONDO_FLAG_URGENT = 1u << 3     /* travels in the urgent lane; 1u << 31 is the rings' own, and
                                     cleared where they use it */
};

/* The header in front of every payload, 32 bytes. The first 12 bytes are what a consumer needs to
 * know how much more to read; they fill the first chunk of a chunked slot exactly.
 *
 *   byte 0        4      6        8      12        16            24               32
 *        | length | type | version | flags | reserved | message_id | correlation_id |
 */
/* A request reaches the handler byte for byte as it was pushed [MSG-02], but for `reserved`, where
 * the producing side of a ring may stamp it. A reply has type RONDO_TYPE_RESPONSE, the version of
 * the handler's response type, reserved 0 and the correlation_id of its request [MSG-03]. The
 * message_id of replies counts from 1, without gaps, in the order in which they are popped
 * [MSG-04]. */
typedef struct rondo_envelope {
  uint32_t length;         /* bytes of payload */
  uint16_t type;           /* RONDO_TYPE_REQUEST or RONDO_TYPE_RESPONSE */
  uint16_t version;        /* of the message type */
  uint32_t flags;          /* RONDO_FLAG_* */
  uint32_t reserved;       /* 0; in a request also its stamp, see RONDO_SAMPLE_EVERY */
  uint64_t message_id;     /* of a request: its sender's count, from 1 */
  uint64_t correlation_id; /* chosen by the requester; every reply repeats it */
} rondo_envelope;

enum { RONDO_TYPE_REQUEST = 1, RONDO_TYPE_RESPONSE = 2 };

/* The top bit of a correlation_id is set by a requester that waits for the reply and would wait in
 * vain if there were none: where a queue drops messages, such a one is told by a failure. */
#define RONDO_CORRELATION_AWAITED 0x8000000000000000ull

/* Optional 16 bytes behind the envelope, present in every slot of a queue created with
 * RONDO_QUEUE_TIMED. Host monotonic clock (CLOCK_MONOTONIC), nanoseconds; 0 = none. A request whose
 * deadline has passed when its turn comes is not handled: it is counted as expired and answered by
 * a failure with RONDO_EXPIRED; any other is handled as if it had none [QUEUE-19]. */
typedef struct rondo_envelope_times {
  uint64_t deadline_ns;
  uint64_t timestamp_ns;
} rondo_envelope_times;

/* The payload of a reply with RONDO_FLAG_FAILED: code, then text up to the envelope's length. A
 * request whose handler fails is answered by one failure, with what the handler said [MSG-05]. A
 * request whose handler throws is answered by a failure with HANDLER_THREW and the exception's text
 * [MSG-06]. A failure ends its request and nothing else [MSG-07]. */
enum { RONDO_FAILURE_TEXT_MAX = 200 };
typedef struct rondo_failure {
  int32_t code;      /* RONDO_HANDLER_FAILED, RONDO_HANDLER_THREW, RONDO_MALFORMED, … */
  int32_t user_code; /* what the handler passed to fail(); 0 otherwise */
  char text[RONDO_FAILURE_TEXT_MAX];
} rondo_failure;

/* ---- buffers -----------------------------------------------------------------------------------
 * Larger data than a message. A handle is generation << 32 | index; 0 means none. A device keeps a
 * table of entries where its handlers can read it, one per index; an entry that holds another
 * handle is not that buffer any more [BUF-01]. A part of a buffer is offset and bytes behind its
 * handle; the SDK's handlers see of it what lies within the size in the entry. */
typedef uint64_t rondo_buffer_handle;

typedef struct rondo_buffer_entry {
  uint64_t handle;  /* of the buffer that lives here; 0 = free */
  uint64_t address; /* in the device's address space */
  uint64_t bytes;
  uint64_t reserved; /* 0 */
} rondo_buffer_entry;

/* ---- kernel modules: what a handler is --------------------------------------------------------
 */

enum { RONDO_ENCODING_PLAIN = 1, RONDO_ENCODING_ENCODED = 2 };
enum { RONDO_MESSAGE_HOST_ONLY = 1u << 0 /* only a host image can read or write it */ };

typedef struct rondo_message_type {
  uint32_t struct_size;
  uint32_t encoding; /* RONDO_ENCODING_* */
  rondo_string wire_name;
  uint32_t version;
  uint32_t max_bytes; /* largest encoding. The host refuses a module with a handler whose request or
                         response is larger than RONDO_MAX_PAYLOAD, as no slot takes it
                         [HOST-09] */
  uint32_t alignment; /* of a plain payload; 1 if encoded */
  uint32_t flags;     /* RONDO_MESSAGE_* */
  uint64_t schema_hash;
} rondo_message_type;

/* One request being handled. The loop of the backend fills it, the handler reads it and may set the
 * failure fields. Lives for one invocation, on the thread that handles. */
typedef struct rondo_invocation {
  uint32_t struct_size;
  uint32_t lane; /* Each of the `lanes` threads that run a handler together on one request has
                    a `lane` of its own below that; a handler that is not cooperative sees
                    lane 0 of 1 [EXEC-14] */
  uint32_t lanes;
  int32_t failure_code; /* RONDO_OK, or why the request failed */
  int32_t user_code;
  uint32_t failure_length; /* bytes of failure_text */
  const rondo_envelope* request;
  const rondo_buffer_entry* buffers; /* the device's table */
  uint64_t buffer_count;
  uint64_t kernel_tag; /* tells two kernels of one process apart; chosen by the host */
  char failure_text[RONDO_FAILURE_TEXT_MAX];
} rondo_invocation;

/* What a backend with capability "handler.timer" gives to invoke() and to the hooks instead, with
 * base.struct_size saying so. */
typedef struct rondo_timed_invocation {
  rondo_invocation base;
  uint64_t* timer_at_ns; /* set by call_again_after(): CLOCK_MONOTONIC, on a device its own
                            clock; NULL: not here */
} rondo_timed_invocation;

/* A reply whose room was reserved before its handler is called. */
typedef struct rondo_reply_ahead {
  void* room;          /* what reserve() would return; NULL: nothing is reserved */
  uint32_t room_bytes; /* how many bytes of payload it takes */
  uint32_t length;     /* of the payload that is in it */
  uint16_t version;    /* of the response type */
  uint16_t is_filled;  /* 0 before each invoke(), 1: commit it with these */
  uint32_t reserved;
} rondo_reply_ahead;

/* Where a handler puts replies. A handler that emits may give none, one or many replies, which the
 * host pops in the order in which they were committed [EXEC-05]. The emitter's reserve() returns
 * room for `bytes` of payload, aligned to 16, which nobody else writes until commit() or the next
 * reserve() [EXEC-07]. While the output is full reserve() may wait; when the backend stops the
 * kernel it ends that wait, and reserve() returns NULL [EXEC-11]. Then a handler had better return.
 * Thread: the handler's.
 *
 * A backend may have reserved ahead for a handler with one reply. A handler for which there is room
 * ahead may write its reply there and, in place of commit(), fill in `ahead`: the backend commits
 * it when invoke() has returned OK, and only then, as if the handler had [EXEC-12]. Neither the
 * backend nor the module needs the other to know this way. */
typedef struct rondo_emitter {
  uint32_t struct_size;
  uint32_t reserved;
  void* (*reserve)(struct rondo_emitter* self, uint32_t bytes);
  void (*commit)(struct rondo_emitter* self, uint32_t length, uint16_t version, uint32_t flags);
  rondo_reply_ahead ahead;
} rondo_emitter;

/* Several requests, and places for their replies: the envelope of request i is at
 * requests + i * request_stride and its payload at payloads + i * payload_stride. With
 * request_stride 0 all have the envelope there, but for message_id and correlation_id, which are
 * higher by i. The envelope of reply i goes to replies + i * reply_stride, or nowhere if replies is
 * NULL, which is for plain responses only; its payload goes to
 * reply_payloads + i * reply_payload_stride. All of it is aligned to 16. */
typedef struct rondo_burst {
  uint32_t struct_size;
  uint32_t count;
  const void* requests;
  uint64_t request_stride;
  const void* payloads;
  uint64_t payload_stride;
  void* replies;
  uint64_t reply_stride;
  void* reply_payloads;
  uint64_t reply_payload_stride; /* room for a response of the handler's max_bytes */
  uint64_t first_message_id;     /* of reply 0; that of reply i is i more */
  /* Set by invoke_burst(). */
  uint64_t bytes_in; /* of payload, in requests that were answered */
  uint64_t bytes_out;
  uint32_t answered;
  rondo_status status; /* if that is fewer than count: what invoke() would have returned for the
                          next; the invocation says why */
} rondo_burst;

/* Code for a device that runs handlers of this module without the host image. */
typedef struct rondo_image {
  uint32_t struct_size;
  uint32_t ring_layout_version;
  rondo_string backend; /* short backend name, e.g. "cuda" */
  const void* bytes;
  uint64_t size;
} rondo_image;

/* Services for a scenario from open to close: buffers on the device of the kernel under test, whose
 * handles its handler takes. A handle that a scenario was not given is NO_SUCH_BUFFER to it; a
 * buffer that it did not release is released when the scenario is closed [HOST-14]. */
typedef struct rondo_scenario_host {
  uint32_t struct_size;
  uint32_t reserved;
  void* self;
  rondo_status (*buffer_create)(void* self, uint64_t bytes, rondo_buffer_handle* out);
  rondo_status (*buffer_write)(void* self, rondo_buffer_handle, uint64_t offset, const void* from,
                               uint64_t bytes);
  rondo_status (*buffer_read)(void* self, rondo_buffer_handle, uint64_t offset, void* to,
                              uint64_t bytes);
  void (*buffer_release)(void* self, rondo_buffer_handle);
} rondo_scenario_host;

/* A self-test that a module brings along. The host calls open, then for i in 0 … message_count-1
 * next(i), a round trip and, if a response came, check(i), then close, however often a step failed;
 * of one whose open failed it calls nothing more [HOST-06]. next() writes the i-th request into
 * payload and a label of at most label_capacity bytes. check() returns RONDO_OK or a failure
 * explained in the sink. Thread: one at a time. */
typedef struct rondo_scenario {
  uint32_t struct_size;
  uint32_t message_count;
  rondo_string handler_id;
  rondo_string name;
  rondo_status (*open)(const rondo_scenario_host* host, void** self, rondo_error_sink* error);
  rondo_status (*next)(void* self, uint32_t i, void* payload, uint32_t capacity, uint32_t* length,
                       char* label, uint32_t label_capacity, rondo_error_sink* error);
  rondo_status (*check)(void* self, uint32_t i, const rondo_envelope* reply, const void* payload,
                        rondo_error_sink* error);
  void (*close)(void* self);
} rondo_scenario;

enum {
  RONDO_HANDLER_EMITS = 1u << 0, /* takes an emitter: none, one or many replies; needs capability
                                    "handler.emits" */
  RONDO_HANDLER_WARP_COOPERATIVE = 1u << 1,  /* all lanes of a warp run it together */
  RONDO_HANDLER_BLOCK_COOPERATIVE = 1u << 2, /* all threads of a block */
  RONDO_HANDLER_GRID_COOPERATIVE = 1u << 3,  /* all threads of all blocks */
  /* Requests to a handler that is RONDO_HANDLER_INDEPENDENT do not depend on each other: a backend
   * may run several at once, in any order; each is still answered as if it had run alone, and the
   * replies keep the order of the requests [EXEC-10]. */
  RONDO_HANDLER_INDEPENDENT = 1u << 4
};

/* Every request that a kernel takes is answered by its handler's invoke(), or by its device image,
 * and by nothing else [EXEC-01]. A request is handled exactly once, and one after the other unless
 * they are independent [EXEC-02]. Each kernel has a state of its own, constructed by create and
 * destroyed by destroy, which lives on through relaunches [EXEC-03]. The invocation shows the
 * handler its request's envelope, the device's buffers and the kernel_tag that the host chose
 * [EXEC-04]. */
typedef struct rondo_handler {
  uint32_t struct_size;
  uint32_t flags; /* RONDO_HANDLER_* */
  rondo_string id;
  rondo_message_type request;
  rondo_message_type response;
  rondo_string device_entry; /* name of this handler's persistent kernel inside an image */
  uint64_t state_bytes;
  uint64_t state_alignment;
  /* construct() is called with zeroed memory of state_bytes and state_alignment for the kernel's
   * state [EXEC-08]; destroy() ends the state. Host image only. Thread: one at a time. */
  rondo_status (*construct)(void* state, rondo_error_sink* error);
  void (*destroy)(void* state);
  /* Handle one request. Decodes, runs the handler, emits. Returns RONDO_OK, or the status to report
   * to the caller, in which case invocation says why; the SDK's throws nothing. NULL: no host
   * image. */
  rondo_status (*invoke)(void* state, const void* payload, rondo_emitter* out,
                         rondo_invocation* invocation);
  /* Each hook is NULL if the handler has none. Hooks run where invoke() runs, on the thread that
   * runs it unless the kernel is in a pool, and neither beside it nor beside each other [HOOK-05].
   * A hook sees a request of zeros [HOOK-06], and fails as invoke() does. Of a kernel whose backend
   * has capability "handler.hooks", on_start runs once in each launch, before the first request,
   * with the start_argument that the kernel was created with [HOOK-01]. A failure of on_start makes
   * the launch fail with the hook's status and words, its user_code among them, and leaves the
   * kernel in the state from which it was launched [HOOK-02]. */
  rondo_status (*on_start)(void* state, const void* argument, uint32_t argument_bytes,
                           rondo_invocation* invocation);
  /* The hook on_stop runs once in each launch whose on_start did not fail, after the last request,
   * when the kernel is terminated, however that is done, and not before [HOOK-03]. A kernel that is
   * FAILED has no on_stop, not even when its handler comes back [HOOK-07]. A failure of on_stop is
   * logged [HOOK-08]. */
  rondo_status (*on_stop)(void* state, rondo_invocation* invocation);
  /* Needs capability "handler.timer". The hook on_timer is called once, at the time that
   * call_again_after() named last or soon after, never before, whether requests come or not
   * [TIME-01]. A timer comes only while its kernel is ACTIVE; one that was due meanwhile comes when
   * it is so again [TIME-02]. A timer that was asked for is forgotten by terminate [TIME-03]. A
   * failure of on_timer is logged, makes no reply and ends nothing: a timer that the hook has asked
   * for still comes [TIME-04]. */
  rondo_status (*on_timer)(void* state, rondo_invocation* invocation);
  /* What on_start takes; NULL: nothing. */
  const rondo_message_type* start_type;
  /* For a handler with one reply that promises to be brief: to be done within a microsecond or so,
   * whatever the request. NULL: it does not. Handles the requests of a burst one after the other,
   * up to the first that ends without a reply. A backend may give invoke_burst() at most
   * RONDO_MAX_BURST requests that have come, and publish their replies together when it returns;
   * each is handled, answered and counted as if invoke() had been called for it [EXEC-15]. */
  void (*invoke_burst)(void* state, rondo_burst* burst, rondo_invocation* invocation);
} rondo_handler;

enum { RONDO_MAX_BURST = 16 };

typedef struct rondo_module {
  uint32_t struct_size;
  uint32_t abi_version;
  uint64_t magic; /* RONDO_MODULE_MAGIC */
  rondo_string name;
  rondo_string build; /* compiler and flags, for people */
  const rondo_handler* const* handlers;
  uint64_t handler_count;
  const rondo_image* images; /* at most one per backend, with every handler of the module */
  uint64_t image_count;
  const rondo_scenario* const* scenarios;
  uint64_t scenario_count;
} rondo_module;

/* The entry of a module returns the same record each time, which lives as long as the library; it
 * never blocks, allocates or fails [MOD-01]. The host calls a module's entry once when it opens the
 * module, before anything else; one whose entry throws, or whose record is missing, of another
 * abi_version or contradicts itself, is refused, and nothing else of it is called [HOST-07]. */
typedef const rondo_module* (*rondo_module_entry_fn)(void);

/* ---- host services ----------------------------------------------------------------------------
 * Given to a plugin once, at its entry. The services stay valid until the process ends, on every
 * thread and whatever of the host is gone by then [HOST-08]. A plugin never writes to a terminal
 * itself [ABI-08]. */
enum {
  RONDO_LOG_TRACE = 0,
  RONDO_LOG_DEBUG = 1,
  RONDO_LOG_INFO = 2,
  RONDO_LOG_WARNING = 3,
  RONDO_LOG_ERROR = 4
};

typedef struct rondo_host_services {
  uint32_t struct_size;
  uint32_t abi_version; /* the highest the host speaks */
  void* self;
  void (*log)(void* self, uint32_t level, rondo_string component, rondo_string message);
  /* A span of time on the calling thread, CLOCK_MONOTONIC nanoseconds. */
  void (*trace)(void* self, rondo_string name, uint64_t begin_ns, uint64_t end_ns);
  /* Memory from allocate() is accounted to Rondo until it is given back, and aligned to a power of
   * two; NULL where it cannot be had, which counts nothing [HOST-01]. */
  void* (*allocate)(void* self, uint64_t bytes, uint64_t alignment);
  void (*deallocate)(void* self, void* memory, uint64_t bytes, uint64_t alignment);
  /* cancelled() is nonzero once the process is shutting Rondo down, 0 before [HOST-02]: long work
   * should stop. */
  uint32_t (*cancelled)(void* self);
  /* on_host_call() is nonzero when the calling thread is inside a call that the host made into a
   * plugin; a plugin's own threads get 0 [HOST-03]. For assertions. */
  uint32_t (*on_host_call)(void* self);
} rondo_host_services;

/* ---- plugin descriptor ------------------------------------------------------------------------
 */

/* A table of functions by name. `functions` points to the struct declared below for that name. */
typedef struct rondo_table {
  rondo_string name;
  uint32_t version;
  uint32_t struct_size;
  const void* functions;
} rondo_table;

#define RONDO_TABLE_BACKEND "rondo.backend" /* rondo_backend_table, required */
#define RONDO_TABLE_KERNEL "rondo.kernel"   /* rondo_kernel_table,  required */
#define RONDO_TABLE_QUEUE "rondo.queue"     /* rondo_queue_table,   required */
#define RONDO_TABLE_BUFFER "rondo.buffer"   /* rondo_buffer_table,  with capability "buffer" */

/* A capability that is advertised works; what belongs to one that is not returns RONDO_UNSUPPORTED
 * and changes nothing [CAP-01]. The host ignores names that it does not know, of tables too
 * [HOST-05].
 */
#define RONDO_CAP_MAPPED "queue.mapped"       /* rondo_queue_table.map */
#define RONDO_CAP_ZERO_COPY "queue.zero_copy" /* reserve/commit, peek/release */
#define RONDO_CAP_BATCH "queue.batch"         /* push_batch, pop_batch */
#define RONDO_CAP_PUBLISH_WORD "publish.word"
#define RONDO_CAP_PUBLISH_COUNTED "publish.counted"
#define RONDO_CAP_PUBLISH_CHUNKED "publish.chunked"
#define RONDO_CAP_TIMED "queue.timed"                    /* RONDO_QUEUE_TIMED */
#define RONDO_CAP_PARK "wait.park"                       /* RONDO_WAIT_PARK and SPIN_THEN_PARK */
#define RONDO_CAP_PIN "thread.pin"                       /* rondo_kernel_params.cpu */
#define RONDO_CAP_RELAUNCH "kernel.relaunch"             /* launch again after terminate */
#define RONDO_CAP_HANG_DETECTION "kernel.hang_detection" /* handler_deadline_ns */
#define RONDO_CAP_LEASE "kernel.lease"                   /* lease_ns */
#define RONDO_CAP_POOL "kernel.pool"                     /* RONDO_THREADS_POOL */
#define RONDO_CAP_HOOKS "handler.hooks"                  /* rondo_handler.on_start, on_stop */
#define RONDO_CAP_TIMER "handler.timer"                  /* rondo_handler.on_timer */
#define RONDO_CAP_EMITS "handler.emits"                  /* RONDO_HANDLER_EMITS */
#define RONDO_CAP_LATENCY "kernel.latency"               /* counters.handling, queueing */
#define RONDO_CAP_BUFFER "buffer"
#define RONDO_CAP_HOST_VISIBLE "buffer.host_visible" /* rondo_buffer_table.create_visible */
#define RONDO_CAP_HOST_IMAGE "image.host"            /* runs rondo_handler.invoke */
#define RONDO_CAP_HOST_ONLY_MESSAGES "message.host_only"
#define RONDO_CAP_URGENT "queue.urgent"           /* an input with two lanes */
#define RONDO_CAP_DROP_OLDEST "queue.drop_oldest" /* RONDO_QUEUE_DROP_OLDEST, for an input */
#define RONDO_CAP_OUTPUT_FULL "queue.output_full" /* REJECT and DROP_NEWEST, for an output */

/* Every field of the descriptor is there and agrees with the others: an id and a name of their
 * form, tables that end where they say, each required function [ABI-10]. */
typedef struct rondo_plugin_descriptor {
  uint64_t magic; /* RONDO_PLUGIN_MAGIC */
  uint32_t struct_size;
  uint32_t abi_min;
  uint32_t abi_max;
  uint32_t unload_safe; /* A library with a nonzero unload_safe may be closed when it owns no live
                           object, and then leaves nothing behind [ABI-13] */
  rondo_string id;      /* reverse DNS, unique: "dev.rondo.cpu" */
  rondo_string name;    /* short: "cpu"; what users type */
  rondo_string version; /* semantic version of the plugin */
  rondo_string build;   /* compiler, flags, for people */
  const rondo_string* capabilities;
  uint64_t capability_count;
  const rondo_table* tables;
  uint64_t table_count;
} rondo_plugin_descriptor;

/* The entry of a plugin reads no device, starts no thread, never blocks, and its result is constant
 * for as long as the library lives [ABI-09]. A plugin that shares no version with host_abi_min to
 * host_abi_max, the host's interval, still returns its descriptor, so that the refusal can name
 * both [ABI-12]. NULL only if the plugin cannot describe itself. The host calls the entry once,
 * before any other function [HOST-04]. */
typedef const rondo_plugin_descriptor* (*rondo_plugin_entry_fn)(const rondo_host_services* host,
                                                                uint32_t host_abi_min,
                                                                uint32_t host_abi_max);

/* ---- backend and devices ----------------------------------------------------------------------
 */
typedef struct rondo_backend rondo_backend;
typedef struct rondo_device rondo_device;
typedef struct rondo_kernel rondo_kernel;
typedef struct rondo_queue rondo_queue;

typedef struct rondo_option {
  rondo_string key;
  rondo_string value;
} rondo_option;

typedef struct rondo_device_info {
  uint32_t struct_size;
  uint32_t index;
  uint32_t usable;               /* 0: see reason */
  uint32_t max_resident_kernels; /* 0 = no fixed limit */
  char name[128];
  char reason[256]; /* why not usable, one sentence; empty if usable */
  uint64_t memory_bytes;
  uint32_t processors; /* cores, or multiprocessors */
  uint32_t reserved;
} rondo_device_info;

typedef struct rondo_backend_table {
  uint32_t struct_size;
  uint32_t reserved;
  /* Start the backend; may look for devices; at most 10 s. A machine without a device is success
   * with no device, and `why_none` says the reason [DEV-01]. One at a time.
   * OK, OUT_OF_MEMORY, INTERNAL. */
  rondo_status (*open)(rondo_backend** out, rondo_error_sink* error);
  /* At most 10 s. One at a time. */
  void (*close)(rondo_backend*);
  /* Never blocks. Any. */
  uint32_t (*device_count)(rondo_backend*);
  /* Why there is no device: why_none() copies one sentence into text (not terminated) and returns
   * its length, never more than capacity [DEV-04]. Never blocks. Any. */
  uint32_t (*why_none)(rondo_backend*, char* text, uint32_t capacity);
  /* out->struct_size is set by the caller. Any. OK, INVALID_ARGUMENT. The call device_info() names
   * each index below device_count, says why one that is not usable is not, and refuses every other
   * index with INVALID_ARGUMENT [DEV-02]. */
  rondo_status (*device_info)(rondo_backend*, uint32_t index, rondo_device_info* out);
  /* At most 30 s. Any. OK, NO_SUCH_DEVICE, NO_USABLE_DEVICE, OUT_OF_MEMORY, DEVICE_LOST,
   * INVALID_ARGUMENT. A device index that is not there is NO_SUCH_DEVICE [DEV-03]. */
  rondo_status (*open_device)(rondo_backend*, uint32_t index, const rondo_option* options,
                              uint64_t option_count, rondo_device** out, rondo_error_sink* error);
  /* At most 10 s. One at a time. A device that is opened and closed leaves no thread, descriptor or
   * memory behind, however often that happens [DEV-05]. Several backends and devices may be open at
   * once; closing one leaves the others as they are [DEV-07]. */
  void (*close_device)(rondo_device*);
  /* What the device found out about itself and chose when it was opened, for people and tools:
   * calls visit once for each fact. Key and value are borrowed for the length of that call. Never
   * blocks. Any. OK. The keys of a device's properties are unique and not empty [DEV-06]. */
  rondo_status (*device_properties)(rondo_device*, void* self,
                                    void (*visit)(void* self, rondo_string key,
                                                  rondo_string value));
} rondo_backend_table;

/* ---- queues -----------------------------------------------------------------------------------
 */

/* How a message becomes visible; described in rondo/ring/layout.hpp. 0 lets the backend choose. */
enum {
  RONDO_PUBLISH_DEFAULT = 0,
  RONDO_PUBLISH_WORD = 1,
  RONDO_PUBLISH_COUNTED = 2,
  RONDO_PUBLISH_CHUNKED = 3
};

enum {
  RONDO_QUEUE_TIMED = 1u << 0,        /* slots carry rondo_envelope_times */
  RONDO_QUEUE_ONE_PRODUCER = 1u << 1, /* the caller promises one producing thread */
  RONDO_QUEUE_DROP_OLDEST = 1u << 2,  /* the consumer honours producer_line.discard_below */
  /* A kernel whose output is full waits for nobody if that was asked for: with REJECT the request
   * fails with RONDO_FULL, with DROP_NEWEST the reply is dropped, and it goes on [QUEUE-21]. An
   * output with both REJECT and DROP_NEWEST is refused with INVALID_ARGUMENT [QUEUE-23]. */
  RONDO_QUEUE_REJECT = 1u << 3,
  RONDO_QUEUE_DROP_NEWEST = 1u << 4
};

/* What becomes of a request that a queue drops. With DROP_OLDEST, a push on a full queue asks the
 * kernel to give up the oldest requests, no more than need be, and returns FULL until it has: at
 * most the request in hand is waited for, and a kernel that is not ACTIVE gives them up too
 * [QUEUE-18]. A request that was given up, has expired, or whose reply was dropped is counted as
 * such [TEL-09]. A request that was given up, has expired, or whose reply found no room is answered
 * by a failure (DROPPED, EXPIRED, FULL) if its requester waits, see RONDO_CORRELATION_AWAITED, as
 * soon as the output has room, before any later reply; so is one that was not handled and whose
 * handler owes a reply, unless the output drops that [QUEUE-20]. */

enum { RONDO_MAX_PAYLOAD = 65536, RONDO_MAX_LANES = 2 };

typedef struct rondo_queue_params {
  uint32_t struct_size;
  uint32_t publication;      /* RONDO_PUBLISH_* */
  rondo_string name;         /* No backend composes or parses the name of a queue [NAME-01] */
  uint64_t capacity;         /* A capacity in slots is a power of two: 0 is CAPACITY_ZERO, another
                                number CAPACITY_NOT_POWER_OF_TWO, one whose bytes cannot be counted
                                or had CAPACITY_OVERFLOW or OUT_OF_MEMORY [QUEUE-09] */
  uint32_t payload_capacity; /* bytes a slot can carry, 1 … RONDO_MAX_PAYLOAD */
  uint32_t flags;            /* RONDO_QUEUE_* */
  uint32_t
      lanes; /* 1, or 2. In an input of two lanes, requests with RONDO_FLAG_URGENT travel in a lane
                of their own, of the same capacity, and are taken before all others [QUEUE-17] */
  uint32_t reserved;
} rondo_queue_params;

/* The capacities that info() tells are those that were asked for, or larger, and depth counts the
 * messages that wait [QUEUE-10]. Of a queue that can be mapped, info() tells the publication, the
 * capacities and the slot_stride of the map [QUEUE-24]. */
typedef struct rondo_queue_info {
  uint32_t struct_size;
  uint32_t publication;
  uint64_t capacity;
  uint32_t payload_capacity;
  uint32_t slot_stride; /* bytes from slot to slot; where there are no slots, 0 */
  uint64_t depth;       /* messages waiting, a snapshot */
} rondo_queue_info;

/* A ring that is mapped fits together: it has the layout version of rondo/ring, a publication and
 * sizes that rondo/ring/map.hpp accepts, and parts that do not overlap [QUEUE-15].
 *
 * The memory of one ring lane. Addresses are the host's. The parts may lie in different memories,
 * each where its reader polls cheapest; layouts are in rondo/ring/layout.hpp. */
typedef struct rondo_ring_lane {
  void* slots; /* capacity × slot_stride bytes and, with RONDO_RING_HEADERS_APART, what goes
                  before each message behind them, see layout.hpp; written by producers */
  void* producer_line; /* rondo::ring::producer_line, written by the producing side */
  void* consumer_line; /* rondo::ring::consumer_line, written by the consumer */
  void* claim_line;    /* rondo::ring::claim_line, in the producers' own memory; NULL if producers
                          are not on the host */
  void* ready;         /* capacity × uint64_t beside claim_line, for counted publication by several
                          producers; NULL otherwise */
} rondo_ring_lane;

enum {
  RONDO_RING_CONSUMER_PARKS = 1u << 0, /* producers look at the wake line after publishing */
  RONDO_RING_PRODUCER_WAKES = 1u << 1, /* the other side wakes a consumer that parks */
  RONDO_RING_WHOLE_LINES = 1u << 2,    /* slots lie behind a bus and are written 64 bytes at a time,
                                          each line by one store; chunked publication only */
  RONDO_RING_HEADERS_APART = 1u << 3   /* slots hold payloads only, envelopes lie in an array behind
                                          them, and one may stand for several messages; counted
                                          publication only */
};

typedef struct rondo_ring_map {
  uint32_t struct_size;
  uint32_t layout_version; /* rondo::ring::layout_version */
  uint32_t publication;    /* RONDO_PUBLISH_*, never DEFAULT */
  uint32_t flags;          /* RONDO_RING_* */
  uint64_t capacity;
  uint32_t slot_stride;
  uint32_t payload_capacity;
  uint32_t queue_flags; /* RONDO_QUEUE_* */
  uint32_t lane_count;
  rondo_ring_lane lanes[RONDO_MAX_LANES]; /* 0 = normal, 1 = urgent */
  void* wake_line;                        /* rondo::ring::wake_line in host memory, or NULL */
} rondo_ring_map;

/* A slot claimed by reserve(): write the payload, fill the envelope, commit() or abandon(). The
 * payloads of claims and of views are aligned to 16, whatever the slots' size [QUEUE-22]. */
typedef struct rondo_claim {
  uint32_t struct_size;
  uint32_t capacity; /* bytes at payload */
  void* payload;
  uint64_t token; /* the backend's */
} rondo_claim;

/* A message seen by peek(): valid until release(). */
typedef struct rondo_view {
  uint32_t struct_size;
  uint32_t reserved;
  const rondo_envelope* envelope;
  const void* payload;
  uint64_t token;
} rondo_view;

/* No call of a queue blocks: waiting is the host's, built above [QUEUE-07]. The host pushes to the
 * input queue of a kernel and pops from its output queue, and leaves the other ends to the kernel.
 * The producing calls (push, push_batch, reserve, commit, abandon): any thread. The consuming
 * calls: one at a time. Messages of one thread arrive in the order it pushed them [QUEUE-01]. A
 * message that was accepted is delivered exactly once or counted as discarded [QUEUE-02]. A push
 * that returns anything but OK has no effect [QUEUE-03]. Producing calls return RONDO_TERMINATED
 * once the kernel is terminated [QUEUE-04]. */
typedef struct rondo_queue_table {
  uint32_t struct_size;
  uint32_t reserved;
  /* OK, FULL, TOO_LARGE, TERMINATED. A queue takes as many messages as info() says slots, and then
   * returns FULL until one is taken out [QUEUE-08]. A message of up to the payload_capacity of the
   * slots is taken whole; one byte more is TOO_LARGE [QUEUE-11]. */
  rondo_status (*push)(rondo_queue*, const rondo_envelope*, const void* payload);
  /* At most capacity bytes of payload are copied by pop(); a larger message stays and gives
   * TOO_LARGE, with envelope filled [QUEUE-05]. OK, EMPTY, TOO_LARGE. */
  rondo_status (*pop)(rondo_queue*, rondo_envelope* envelope, void* payload, uint32_t capacity);
  /* Payload i is at payloads[i] with envelopes[i].length bytes. A batch stops at the first message
   * that does not fit; *done says how many went: OK if *done > 0, else as one alone [QUEUE-12]. */
  rondo_status (*push_batch)(rondo_queue*, const rondo_envelope* envelopes,
                             const void* const* payloads, uint64_t count, uint64_t* done);
  rondo_status (*pop_batch)(rondo_queue*, rondo_envelope* envelopes, void* const* payloads,
                            uint32_t capacity_each, uint64_t count, uint64_t* done);
  /* Zero copy. OK, FULL, TOO_LARGE, TERMINATED; commit and abandon also INVALID_STATE. Every claim
   * is committed or abandoned once: a second time, or to another queue than reserved it, is
   * INVALID_STATE and changes nothing [QUEUE-16]. A claim that is committed arrives as if it had
   * been pushed; one that is abandoned never arrives and keeps nothing behind it waiting
   * [QUEUE-13]. */
  rondo_status (*reserve)(rondo_queue*, uint32_t bytes, rondo_claim* out);
  rondo_status (*commit)(rondo_queue*, rondo_claim*, const rondo_envelope*);
  rondo_status (*abandon)(rondo_queue*, rondo_claim*);
  /* The message that peek() gives, the oldest, stays until release(): another peek() gives the same
   * one [QUEUE-14]. OK, EMPTY. */
  rondo_status (*peek)(rondo_queue*, rondo_view* out);
  rondo_status (*release)(rondo_queue*, rondo_view*);
  /* Any. OK. */
  rondo_status (*info)(rondo_queue*, rondo_queue_info* out);
  /* Describe the ring so that the host may use rondo/ring/protocol.hpp on it directly. The memory
   * of a mapped ring lives until the kernel is destroyed, also after terminate [QUEUE-06]. With a
   * map in use the host makes no call that pushes to or pops from this queue [HOST-12]. Any. OK,
   * UNSUPPORTED. */
  rondo_status (*map)(rondo_queue*, rondo_ring_map* out);
} rondo_queue_table;

/* ---- kernels ----------------------------------------------------------------------------------
 */

/* A kernel is in the state that the last of these transitions led into [LIFE-01]:
 *   CREATED     create
 *   LAUNCHED    launch from CREATED or, with capability "kernel.relaunch", from TERMINATED
 *   ACTIVE      activate from LAUNCHED or INACTIVE; no-op when ACTIVE
 *   INACTIVE    deactivate from ACTIVE; no-op when INACTIVE or LAUNCHED
 *   TERMINATED  terminate from LAUNCHED, ACTIVE, INACTIVE; no-op when TERMINATED
 *   FAILED      the handler hung past its deadline, or the device was lost
 * A transition that is not in this table is refused with INVALID_STATE and changes nothing
 * [LIFE-02]. Messages sent while the kernel is not ACTIVE wait, in order [LIFE-03]. */
enum {
  RONDO_STATE_CREATED = 1,
  RONDO_STATE_LAUNCHED = 2,
  RONDO_STATE_ACTIVE = 3,
  RONDO_STATE_INACTIVE = 4,
  RONDO_STATE_TERMINATED = 5,
  RONDO_STATE_FAILED = 6
};

enum {
  RONDO_WAIT_DEFAULT = 0,
  RONDO_WAIT_SPIN = 1,
  RONDO_WAIT_SPIN_THEN_PARK = 2,
  RONDO_WAIT_PARK = 3
};
enum { RONDO_TERMINATE_DRAIN = 1, RONDO_TERMINATE_DISCARD = 2 };
/* Whose threads run the handler: one of the kernel's own, or the few of a pool that its device has
 * for all kernels that ask for it. A kernel in a pool is launched, changed, spoken to and ended as
 * one with a thread of its own [POOL-01]. Any number of kernels in a pool is served, however few
 * the threads and however busy the others [POOL-02]. A handler that does not return costs the other
 * kernels of its pool nothing but time [POOL-03]. A kernel in a pool that is idle costs memory
 * only: nobody looks at its queues [POOL-04]. */
enum { RONDO_THREADS_DEDICATED = 0, RONDO_THREADS_POOL = 1 };

typedef struct rondo_kernel_params {
  uint32_t struct_size;
  uint32_t wait;                /* RONDO_WAIT_*: what the kernel does while idle */
  rondo_string id;              /* opaque */
  const rondo_handler* handler; /* the host keeps it for as long as the kernel */
  const rondo_image* image;     /* NULL: the host image */
  rondo_queue_params input;
  rondo_queue_params output;
  uint64_t kernel_tag;
  int32_t cpu;    /* With capability "thread.pin" the handler runs on the processor `cpu` and on no
                     other [EXEC-09]; -1 = anywhere */
  uint32_t grid;  /* blocks; 0 = default */
  uint32_t block; /* threads per block; 0 = default */
  uint32_t reserved;
  uint64_t handler_deadline_ns; /* 0 = none. A handler that runs past handler_deadline_ns makes the
                                   kernel FAILED; one that is idle, or answers in time, never does
                                   [LIFE-08] */
  uint64_t lease_ns; /* 0 = none. A kernel whose lease nobody has renewed for lease_ns ends by
                        itself, and one whose lease is renewed does not [LIFE-09]. Until the host's
                        first renew() takes a lease over, the backend renews it for as long as the
                        host's process lives and runs [LIFE-17]. So a kernel ends that a process
                        leaves behind on a device. */
  uint64_t spin_ns;  /* SPIN_THEN_PARK: idle time before the kernel sleeps; 0 = default */
  const rondo_option* options; /* backend-specific. Options with unknown keys are refused with
                                  INVALID_ARGUMENT [OPT-01] */
  uint64_t option_count;
  uint32_t threads;           /* RONDO_THREADS_* */
  uint32_t start_bytes;       /* at most start_type->max_bytes of the handler */
  const void* start_argument; /* encoded; the backend keeps a copy for every launch. NULL: none. A
                                 start argument that is too long, missing where the handler takes
                                 one, or there where it takes none, is INVALID_ARGUMENT [HOOK-04] */
} rondo_kernel_params;

/* The report of terminate says the state after the call, how many requests were handled while
 * draining, and how many accepted messages will never be handled [LIFE-18]. */
typedef struct rondo_terminate_report {
  uint32_t struct_size;
  uint32_t state;
  uint64_t handled;
  uint64_t discarded;
} rondo_terminate_report;

/* With capability "kernel.latency" those requests are timed whose sequence in their lane of the
 * input, counted from 0, is a multiple of RONDO_SAMPLE_EVERY [TEL-19]. Whoever writes a timed
 * request into a ring, be it the host or a backend's push, stamps it in rondo_envelope.reserved
 * when it is about to be published, with CLOCK_MONOTONIC in units of 1 << RONDO_STAMP_SHIFT
 * nanoseconds, the low 32 bits, all ones in place of 0 [TEL-08]; 0 means not stamped. Stamps come
 * round after 274 s, so a wait that is longer is taken for a shorter one. */
enum { RONDO_SAMPLE_EVERY = 64, RONDO_STAMP_SHIFT = 6 };

/* Durations are counted in buckets that are powers of two of nanoseconds: bucket 0 holds 0 and 1
 * ns, bucket i those from 2^i up to 2^(i + 1), the last all from 2^39, nine minutes [TEL-10]. */
enum { RONDO_LATENCY_BUCKETS = 40 };

/* What a kernel has done since create, each counter by one writer. All counters are 0 at create
 * and go on where they were over a relaunch [TEL-13]. No counter goes back but the depths, and
 * uptime_ns at a launch [TEL-02]. Counts are of messages, never of looks, and soon right, each by
 * itself: after a reply was popped its request is soon in messages_in, bytes_in and messages_out
 * [TEL-03].
 *
 * A request that was handled, well or with a failure, is in messages_in, and an idle kernel's
 * stays 0 [TEL-01]. Each reply that was published is in messages_out, failures included [TEL-14].
 * A request in messages_in that ended in a failure is in messages_failed [TEL-15]. A request or
 * slot of the input that was passed by unhandled is in messages_dropped, be it discarded,
 * abandoned, malformed, given up or expired [TEL-16]. Requests in dropped_oldest and in expired
 * are in messages_dropped as well [TEL-21]. Payload alone is counted by bytes_in and bytes_out, of
 * the messages in messages_in and messages_out [TEL-17]. What waits in the kernel's queues is told
 * by input_depth and output_depth [TEL-20].
 *
 * A kernel tells in heartbeat_ns when it last showed a sign of life, in CLOCK_MONOTONIC, and 0
 * before its first launch [TEL-18]. An active kernel that is sent requests goes on showing signs
 * of life in heartbeat_ns; one that has nothing to do may sleep [TEL-04]. The time since the last
 * launch is uptime_ns, 0 before the first [TEL-11]. How often a kernel looks at its input is its
 * own affair; polls tells people about it.
 *
 * Of the requests that are timed, handler_samples tells how many were handled, handler_sampled_ns
 * what their handlers took in all, and handler_sampled_max_ns the longest [TEL-12]. Each timed
 * request that was handled, well or with a failure, and no other, is in the bucket of `handling`
 * for its handler's time, so that the buckets' sum is handler_samples [TEL-06]. The time for which
 * a handler waits for room in the output is not counted as the handler's [TEL-23]. A timed
 * request that was stamped is in the bucket of `queueing` for the time from its stamp until its
 * handler began, never counted as shorter than it was but by what the clocks of host and device
 * differ [TEL-07]. Without capability "kernel.latency" all buckets are 0 [TEL-22]. */
typedef struct rondo_kernel_counters {
  uint32_t struct_size;
  uint32_t state;
  uint64_t messages_in;
  uint64_t messages_out;
  uint64_t messages_failed;
  uint64_t messages_dropped;
  uint64_t bytes_in;
  uint64_t bytes_out;
  uint64_t polls; /* looks at the input, idle ones included */
  uint64_t heartbeat_ns;
  uint64_t uptime_ns;
  uint64_t handler_samples;
  uint64_t handler_sampled_ns;
  uint64_t handler_sampled_max_ns;
  uint64_t input_depth;
  uint64_t output_depth;
  uint64_t dropped_oldest;  /* requests given up for newer ones */
  uint64_t expired;         /* requests whose deadline had passed */
  uint64_t replies_dropped; /* that found the output full */
  uint64_t handling[RONDO_LATENCY_BUCKETS];
  uint64_t queueing[RONDO_LATENCY_BUCKETS];
} rondo_kernel_counters;

typedef struct rondo_kernel_table {
  uint32_t struct_size;
  uint32_t reserved;
  /* Build the kernel and its two queues; nothing runs yet. What create() is given in params is read
   * during the call only; the handler, its image and a copy of the start argument are all that is
   * kept of it [LIFE-10]. A handler that the backend has no image for is NO_IMAGE [EXEC-06]. A
   * number in params that its field does not list is refused [OPT-02]. At most 30 s. Any. OK,
   * INVALID_ARGUMENT, CAPACITY_*, TOO_LARGE, UNSUPPORTED, NO_IMAGE, OUT_OF_MEMORY, LIMIT_REACHED,
   * DEVICE_LOST. */
  rondo_status (*create)(rondo_device*, const rondo_kernel_params* params, rondo_kernel** out,
                         rondo_error_sink* error);
  /* When launch returns OK the kernel is resident: it has its place on the device, and its on_start
   * has returned [LIFE-19]. The deadline_ns is a duration, as everywhere below. No call with a
   * deadline takes longer than that and a second; a change that is not made in time is TIMEOUT and
   * is not made later [LIFE-11]. No more kernels are resident than device_info says
   * (max_resident_kernels, 0 = no fixed limit): the launch of one too many is LIMIT_REACHED and
   * disturbs nobody [LIFE-13]. One at a time. OK, INVALID_STATE, TIMEOUT, LIMIT_REACHED,
   * DEVICE_LOST, what the handler's on_start failed with. */
  rondo_status (*launch)(rondo_kernel*, uint64_t deadline_ns, rondo_error_sink* error);
  /* After OK from deactivate the handler is not running and no further message is taken [LIFE-06].
   * One at a time. OK, INVALID_STATE, TIMEOUT, DEVICE_LOST. */
  rondo_status (*activate)(rondo_kernel*, uint64_t deadline_ns, rondo_error_sink* error);
  rondo_status (*deactivate)(rondo_kernel*, uint64_t deadline_ns, rondo_error_sink* error);
  /* With DRAIN terminate first handles what was accepted before the call, and ends however much is
   * pushed meanwhile [LIFE-15]; with DISCARD it does not. The call terminate() returns within
   * deadline_ns plus one second in every case [LIFE-04]. A drain that runs out of time is TIMEOUT:
   * what was left is discarded and the kernel is TERMINATED [LIFE-14]. A kernel whose handler does
   * not return is HANDLER_HUNG and FAILED, and its memory is kept from reuse for as long as the
   * handler may use it [LIFE-05]. One at a time. */
  rondo_status (*terminate)(rondo_kernel*, uint32_t mode, uint64_t deadline_ns,
                            rondo_terminate_report* report, rondo_error_sink* error);
  /* The host calls it for a kernel that is CREATED, TERMINATED or FAILED. It frees state and
   * queues. Of a kernel that was destroyed and did not fail nothing is left [LIFE-12]. One at a
   * time. */
  void (*destroy)(rondo_kernel*);
  /* Never blocks. Any. */
  uint32_t (*state)(rondo_kernel*);
  rondo_queue* (*input)(rondo_kernel*);
  rondo_queue* (*output)(rondo_kernel*);
  /* A snapshot. The call counters() disturbs nothing and does not block, whatever the handler does
   * [TEL-05]. The caller sets out->struct_size. Any. OK. */
  rondo_status (*counters)(rondo_kernel*, rondo_kernel_counters* out);
  /* Extend the lease by params.lease_ns from now; the first call takes the lease over, until the
   * next launch. Renewing the lease of a kernel that has ended is TERMINATED, of any other OK
   * [LIFE-16]. Any. OK, UNSUPPORTED, TERMINATED. */
  rondo_status (*renew)(rondo_kernel*);
  /* Of a kernel that is FAILED failure() says why: HANDLER_HUNG, DEVICE_LOST, …, with one sentence
   * in text (not terminated; *length says how long); of any other OK [LIFE-07]. Never blocks. Any.
   */
  rondo_status (*failure)(rondo_kernel*, char* text, uint32_t capacity, uint32_t* length);
} rondo_kernel_table;

/* ---- buffers on a device ----------------------------------------------------------------------
 */
typedef struct rondo_buffer_table {
  uint32_t struct_size;
  uint32_t reserved;
  /* The memory of a buffer is the device's, and zeroed at create [BUF-03]. At most 10 s. Any. OK,
   * INVALID_ARGUMENT (0 bytes), OUT_OF_MEMORY, LIMIT_REACHED. */
  rondo_status (*create)(rondo_device*, uint64_t bytes, rondo_buffer_handle* out,
                         rondo_error_sink* error);
  /* Any. OK, NO_SUCH_BUFFER. A buffer that was destroyed is found by no call and by no handler any
   * more [BUF-02]. The host sees to it that no handler is using it at the time. */
  rondo_status (*destroy)(rondo_device*, rondo_buffer_handle);
  /* A copy between host memory and a buffer is finished on return, and seen by every request that
   * is pushed afterwards; what a handler wrote before it replied is read by whoever has taken the
   * reply [BUF-04]. A range that is not within the buffer is INVALID_ARGUMENT and copies nothing,
   * also where offset and size overflow [BUF-05]. At most 10 s. Any. OK, NO_SUCH_BUFFER,
   * INVALID_ARGUMENT (range), DEVICE_LOST. */
  rondo_status (*write)(rondo_device*, rondo_buffer_handle, uint64_t offset, const void* from,
                        uint64_t bytes, rondo_error_sink* error);
  rondo_status (*read)(rondo_device*, rondo_buffer_handle, uint64_t offset, void* to,
                       uint64_t bytes, rondo_error_sink* error);
  /* With capability "buffer.host_visible". A buffer of create_visible() is of memory that the host
   * uses as well: it is at *host, aligned to 16, until destroy, and the other functions see the
   * same bytes [BUF-06]. What a thread wrote in place into a buffer before it pushed a request is
   * seen by that request's handler, and what a handler wrote there before it replied by whoever has
   * taken the reply [BUF-07]. At most 10 s. Any. OK, INVALID_ARGUMENT (0 bytes), OUT_OF_MEMORY,
   * LIMIT_REACHED. */
  rondo_status (*create_visible)(rondo_device*, uint64_t bytes, rondo_buffer_handle* out,
                                 void** host, rondo_error_sink* error);
} rondo_buffer_table;

#ifdef __cplusplus
}
#endif
#endif /* RONDO_ABI_H */
