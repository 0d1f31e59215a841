# What this configuration builds with, said once at the end of configure.

set(cuda_plugin "left out")
set(device_images "left out")
if(RONDO_NVCC)
  set(cuda "${RONDO_NVCC} ${RONDO_NVCC_VERSION}")
  list(JOIN RONDO_CUDA_ARCHITECTURES ", " device_images)
  if(RONDO_CUDA_PLUGIN)
    set(cuda_plugin "built with ${RONDO_CUDA_INCLUDE_DIR}/cuda.h")
  elseif(NOT RONDO_CUDA_INCLUDE_DIR)
    set(cuda_plugin "left out: cuda.h not found, set RONDO_CUDA_INCLUDE_DIR")
  endif()
elseif(RONDO_CUDA STREQUAL "OFF")
  set(cuda "switched off")
else()
  set(cuda "not found, set CUDA_HOME or RONDO_NVCC")
endif()
string(REPLACE "," ", " sanitizers "${RONDO_SANITIZE}")
if(NOT sanitizers)
  set(sanitizers "none")
endif()
set(tests "left out")
if(RONDO_TESTS)
  set(tests "GoogleTest ${GTest_VERSION}")
endif()
find_program(RONDO_CLANG_FORMAT clang-format)
mark_as_advanced(RONDO_CLANG_FORMAT)
set(format "clang-format not found: the test of the formatting is skipped")
if(RONDO_CLANG_FORMAT)
  set(format "checked with ${RONDO_CLANG_FORMAT}")
endif()

message(STATUS "Rondo ${PROJECT_VERSION}
   compiler       ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}
   build type     ${CMAKE_BUILD_TYPE}, warnings as errors: ${RONDO_WERROR}
   sanitizers     ${sanitizers}
   libraries      Boost ${Boost_VERSION_STRING}, Cereal ${cereal_VERSION}, spdlog ${spdlog_VERSION}, fmt ${fmt_VERSION}, CLI11 ${CLI11_VERSION}, nlohmann-json ${nlohmann_json_VERSION}
   tests          ${tests}
   formatting     ${format}
   CUDA compiler  ${cuda}
   device images  ${device_images}
   CUDA plugin    ${cuda_plugin}")
