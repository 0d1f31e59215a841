# Runs PROGRAM on BACKEND and compares what it prints, line by line, with the file EXPECTED. In that
# file <number> stands for any number; all else is literal.
#   cmake -DPROGRAM=… -DBACKEND=… -DEXPECTED=… -P compare_output.cmake
cmake_minimum_required(VERSION 3.25)

function(read_lines text out)
  string(REPLACE ";" "\\;" text "${text}")
  string(REPLACE "[" "(" text "${text}")  # CMake would join list elements between brackets
  string(REPLACE "]" ")" text "${text}")
  string(REGEX REPLACE "\n+$" "" text "${text}")
  string(REPLACE "\n" ";" lines "${text}")
  set(${out} "${lines}" PARENT_SCOPE)
endfunction()

# Without a name some samples take the best backend, which is another on a machine with a GPU.
if(NOT BACKEND)
  message(FATAL_ERROR "BACKEND is not given: name the backend that ${PROGRAM} is to run on")
endif()
execute_process(COMMAND ${PROGRAM} ${BACKEND} OUTPUT_VARIABLE output RESULT_VARIABLE result TIMEOUT 100)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ${BACKEND} ended with ${result}; it printed:\n${output}")
endif()

file(READ ${EXPECTED} expected)
read_lines("${output}" actual_lines)
read_lines("${expected}" expected_lines)
list(LENGTH actual_lines actual_count)
list(LENGTH expected_lines expected_count)
if(NOT actual_count EQUAL expected_count OR expected_count EQUAL 0)
  message(FATAL_ERROR "expected ${expected_count} lines, got ${actual_count}:\n${output}")
endif()

set(line_number 0)
foreach(actual expected IN ZIP_LISTS actual_lines expected_lines)
  math(EXPR line_number "${line_number} + 1")
  string(REGEX REPLACE "([][+.*()^$?|\\\\])" "\\\\\\1" pattern "${expected}")
  string(REPLACE "<number>" "[-+]?[0-9]+(\\.[0-9]+)?(e[-+]?[0-9]+)?" pattern "${pattern}")
  if(NOT actual MATCHES "^${pattern}$")
    message(FATAL_ERROR "line ${line_number} differs\n  expected: ${expected}\n  actual:   ${actual}")
  endif()
endforeach()
