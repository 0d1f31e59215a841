// Whether what a plugin advertises was tried, and what was left out is not advertised.
#pragma once

#include "result.hpp"

#include <string_view>
#include <vector>

namespace rondo::conformance {

// By what the case needs, or by its name: capability.honesty.queue_batch is about queue.batch.
bool is_about(const case_record& record, std::string_view capability);

// Adds to problems and remarks. Each capability.* case looks at both sides of one capability and
// needs none, so a run that has all of these, filtered or not, tells of every one. With options for
// the backend a kernel may lack what the plugin advertises.
void check_honesty(const std::vector<const case_record*>& chosen, bool are_options_given,
                   run_result& run);

}  // namespace rondo::conformance
