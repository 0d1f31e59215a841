# rondo_add_conformance_tests(target [LEVEL n] [MODES direct bridge pump] [WAIVERS file] [ARGUMENTS …])
#
# Registers the conformance suite with CTest for the plugin that `target` builds: one test for each
# group of cases and mode, called conformance.<target>.<mode>.<group>, with the label "conformance". A
# group of which nothing could be executed, for want of a capability, is reported as skipped. The
# groups capability.* are one test, called conformance.<target>.<mode>.capability: together they tell
# whether what the plugin advertises is what it offers, and that every capability of it was tried.
# Comes with find_package(rondo COMPONENTS conformance).

function(rondo_add_conformance_tests target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LEVEL;WAIVERS" "MODES;ARGUMENTS")
  if(NOT TARGET ${target} OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "usage: rondo_add_conformance_tests(target [LEVEL n] [MODES direct bridge pump] "
                        "[WAIVERS file] [ARGUMENTS argument …])")
  endif()
  if(NOT arg_LEVEL)
    set(arg_LEVEL 2)
  endif()
  if(NOT arg_MODES)
    set(arg_MODES direct)
  endif()
  set(arguments ${arg_ARGUMENTS})
  if(arg_WAIVERS)
    cmake_path(ABSOLUTE_PATH arg_WAIVERS)
    list(APPEND arguments --waivers ${arg_WAIVERS})
  endif()

  # Some cases of level 3 go on for as long as a slow device needs.
  set(longest 600)
  if(arg_LEVEL GREATER 2)
    set(longest 1800)
  endif()

  get_target_property(command rondo::command LOCATION)
  execute_process(COMMAND ${command} conformance --list --json --level ${arg_LEVEL}
                  OUTPUT_VARIABLE document COMMAND_ERROR_IS_FATAL ANY)
  string(JSON count LENGTH ${document} cases)
  math(EXPR last "${count} - 1")
  set(groups "")
  foreach(i RANGE ${last})
    string(JSON name GET ${document} cases ${i} case)
    string(REGEX MATCH "^(capability|[^.]+[.][^.]+)" group ${name})
    list(APPEND groups ${group})
  endforeach()
  list(REMOVE_DUPLICATES groups)

  foreach(mode IN LISTS arg_MODES)
    foreach(group IN LISTS groups)
      set(test conformance.${target}.${mode}.${group})
      add_test(NAME ${test} COMMAND ${command} conformance $<TARGET_FILE:${target}>
        --level ${arg_LEVEL} --mode ${mode} --filter ${group}.* ${arguments})
      set_tests_properties(${test} PROPERTIES
        LABELS conformance TIMEOUT ${longest} SKIP_RETURN_CODE 3)
    endforeach()
  endforeach()
endfunction()
