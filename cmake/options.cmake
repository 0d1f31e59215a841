# Settings that hold for every target of this tree.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion)
if(NOT CMAKE_UNITY_BUILD)  # there it sees names of other files
  add_compile_options(-Wshadow)
endif()
# For targets of many small files behind the same large headers, GoogleTest or CLI11: several files at a
# time take a third of the time. What they lose is -Wshadow, which then sees names of other files.
function(rondo_compile_together target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  target_compile_options(${target} PRIVATE -Wno-shadow)
endfunction()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False for `"text" + string` and `string + "text"`: GCC bug 105651 and its kin.
  add_compile_options(-Wno-restrict -Wno-array-bounds)
endif()
if(RONDO_WERROR)
  add_compile_options(-Werror)
endif()

if(RONDO_SANITIZE)
  add_compile_options(-fsanitize=${RONDO_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RONDO_SANITIZE})
endif()
if(RONDO_SANITIZE MATCHES "thread")
  # ThreadSanitizer cannot see SSE accesses, so the ring uses __int128 atomics instead.
  add_compile_options(-mcx16)
  link_libraries(atomic)
endif()

find_program(RONDO_CCACHE ccache)
mark_as_advanced(RONDO_CCACHE)
if(RONDO_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The tests have a precompiled header; without these two ccache leaves them out.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${RONDO_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
