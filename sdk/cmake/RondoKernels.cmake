# rondo_add_kernels(name SOURCES a.cpp … [LIBRARIES …] [OUTPUT_DIRECTORY dir]
#                   [NO_DEVICE_IMAGE] [DEVICE_ARCHITECTURES 90 …] [DEVICE_OPTIONS -lineinfo …])
#
# Builds a kernel module: the library name.so with every handler that the sources mark with
# RONDO_KERNEL. It is a target called `name`, put into lib/rondo/kernels of the build tree and
# installed into lib/rondo/kernels. With OUTPUT_DIRECTORY it is put there and not installed.
#
# Where there is a CUDA compiler the same sources also become a device image inside the library, for
# RONDO_CUDA_ARCHITECTURES (see RondoCuda.cmake) or for DEVICE_ARCHITECTURES; DEVICE_OPTIONS go to
# nvcc. NO_DEVICE_IMAGE leaves it out: for modules with handlers that call what a device does not
# have. A handler of messages that only a host can read does not need that.

function(rondo_add_kernels name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NO_DEVICE_IMAGE" "OUTPUT_DIRECTORY"
                        "SOURCES;LIBRARIES;DEVICE_ARCHITECTURES;DEVICE_OPTIONS")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "usage: rondo_add_kernels(name SOURCES file … [LIBRARIES library …] "
                        "[OUTPUT_DIRECTORY directory] [NO_DEVICE_IMAGE] "
                        "[DEVICE_ARCHITECTURES architecture …] [DEVICE_OPTIONS option …])")
  endif()

  set(entry_source ${CMAKE_CURRENT_BINARY_DIR}/rondo_entry/${name}.cpp)
  add_library(${name} MODULE ${arg_SOURCES} ${entry_source})
  target_link_libraries(${name} PRIVATE rondo::sdk ${arg_LIBRARIES})
  rondo_make_loadable(${name} rondo_module_entry)
  set_target_properties(${name} PROPERTIES OUTPUT_NAME ${name})

  set(RONDO_CUDA_IMAGE "")
  if(RONDO_NVCC AND NOT arg_NO_DEVICE_IMAGE)
    set(architectures ${RONDO_CUDA_ARCHITECTURES})
    if(arg_DEVICE_ARCHITECTURES)
      set(architectures ${arg_DEVICE_ARCHITECTURES})
    endif()
    rondo_cuda_image(${name} RONDO_CUDA_IMAGE
                     SOURCES ${arg_SOURCES} ARCHITECTURES ${architectures}
                     OPTIONS ${arg_DEVICE_OPTIONS})
    # A source of the library, so that its command is part of the build; the object that includes
    # its bytes has to be told, as no compiler reports an .incbin.
    target_sources(${name} PRIVATE ${RONDO_CUDA_IMAGE})
    set_property(SOURCE ${entry_source} APPEND PROPERTY OBJECT_DEPENDS ${RONDO_CUDA_IMAGE})
  endif()
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/module.cpp.in ${entry_source} @ONLY)

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
