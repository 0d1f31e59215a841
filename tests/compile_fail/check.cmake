# Compiles SOURCE plainly, which must succeed, and with -DRONDO_BAD, which must fail as it expects.
#   cmake -DCOMPILER=… -DSOURCE=… -DINCLUDES=dir:dir -P check.cmake
cmake_minimum_required(VERSION 3.25)

file(STRINGS ${SOURCE} comments REGEX "// expect: .+")
list(LENGTH comments count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "${SOURCE} needs exactly one comment `// expect: REGEX`, it has ${count}")
endif()
string(REGEX REPLACE ".*// expect: +" "" expected "${comments}")

string(REPLACE ":" ";-I" includes "-I${INCLUDES}")
set(compile ${COMPILER} -std=c++20 ${includes} -c ${SOURCE} -o /dev/null)

execute_process(COMMAND ${compile} RESULT_VARIABLE result ERROR_VARIABLE errors)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the good half does not compile:\n${errors}")
endif()

execute_process(COMMAND ${compile} -DRONDO_BAD RESULT_VARIABLE result ERROR_VARIABLE errors)
if(result EQUAL 0)
  message(FATAL_ERROR "the bad half compiles; expected: ${expected}")
endif()
if(NOT errors MATCHES "${expected}")
  message(FATAL_ERROR "the bad half fails for another reason than \"${expected}\":\n${errors}")
endif()
