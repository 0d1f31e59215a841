// Every other function that the backend wants to find: none of them works. Weak, so that what
// fake_driver.cpp defines comes first.
#include "driver.hpp"

extern "C" __attribute__((used)) CUresult rondo_fake_does_not_work() { return CUDA_ERROR_UNKNOWN; }

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
#define REST(function) \
  asm(".weak " TEXT(function) "\n.set " TEXT(function) ", rondo_fake_does_not_work\n");
RONDO_CUDA_FUNCTIONS(REST)
