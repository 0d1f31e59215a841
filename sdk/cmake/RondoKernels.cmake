# rondo_add_kernels(name SOURCES a.cpp … [LIBRARIES …] [OUTPUT_DIRECTORY dir])
#
# Builds a kernel module: the library name.so with every handler that the sources mark with
# RONDO_KERNEL. It is a target called `name`, put into lib/rondo/kernels of the build tree and
# installed into lib/rondo/kernels. With OUTPUT_DIRECTORY it is put there and not installed.
#
# A device image (the same sources through nvcc) is a further step on the same target: it belongs at
# the end of this function, for each backend in turn, as rondo_add_device_image(name …) in this file.

function(rondo_add_kernels name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "OUTPUT_DIRECTORY" "SOURCES;LIBRARIES")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "usage: rondo_add_kernels(name SOURCES file … [LIBRARIES library …] "
                        "[OUTPUT_DIRECTORY directory])")
  endif()

  set(entry_source ${CMAKE_CURRENT_BINARY_DIR}/rondo_entry/${name}.cpp)
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/module.cpp.in ${entry_source} @ONLY)
  add_library(${name} MODULE ${arg_SOURCES} ${entry_source})
  target_link_libraries(${name} PRIVATE rondo::sdk ${arg_LIBRARIES})
  rondo_make_loadable(${name} rondo_module_entry)
  set_target_properties(${name} PROPERTIES OUTPUT_NAME ${name})

  if(arg_OUTPUT_DIRECTORY)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${arg_OUTPUT_DIRECTORY})
  else()
    set_target_properties(${name} PROPERTIES
      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/rondo/kernels)
    install(TARGETS ${name} LIBRARY DESTINATION lib/rondo/kernels)
  endif()
endfunction()

# For libraries that are loaded by name: no prefix, nothing exported but `entry`, and no symbol left
# for the loading process to provide. -fno-gnu-unique keeps the library unloadable.
function(rondo_make_loadable target entry)
  set_target_properties(${target} PROPERTIES
    PREFIX "" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${entry}.map)
  target_link_options(${target} PRIVATE -Wl,--version-script=${exports})
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${exports})
  # A sanitizer's run-time library is one that the process provides.
  if(NOT RONDO_SANITIZE AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
endfunction()
