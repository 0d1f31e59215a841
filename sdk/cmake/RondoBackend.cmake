# rondo_add_backend(name SOURCES a.cpp … [LIBRARIES …] [VERSION x.y.z])
#
# Builds a backend plugin: the library rondo_<name>.so, which exports rondo_plugin_entry and nothing
# else. The target is called rondo_plugin_<name>; the file goes into lib/rondo/plugins of the build
# tree and is installed into lib/rondo/plugins. A plugin links the SDK and never librondo. Its sources
# see RONDO_PLUGIN_VERSION, a string: VERSION, the version of the project, or 0.0.0.

function(rondo_add_backend name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "VERSION" "SOURCES;LIBRARIES")
  if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "usage: rondo_add_backend(name SOURCES file … [LIBRARIES library …] "
                        "[VERSION x.y.z])")
  endif()
  set(versions ${arg_VERSION} ${PROJECT_VERSION} 0.0.0)
  list(GET versions 0 version)

  set(target rondo_plugin_${name})
  add_library(${target} MODULE ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE rondo::sdk ${arg_LIBRARIES})
  target_compile_definitions(${target} PRIVATE RONDO_PLUGIN_VERSION="${version}")
  rondo_make_loadable(${target} rondo_plugin_entry)
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME rondo_${name}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/rondo/plugins)
  install(TARGETS ${target} LIBRARY DESTINATION lib/rondo/plugins)
endfunction()
