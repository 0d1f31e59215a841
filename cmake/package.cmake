# Installs what find_package(rondo) needs. The library directory is always `lib`: librondo looks for
# plugins and kernel modules beside itself, and a prefix may be moved as a whole.
include(CMakePackageConfigHelpers)

set(package_dir lib/cmake/rondo)
configure_package_config_file(
  cmake/rondo-config.cmake.in ${PROJECT_BINARY_DIR}/rondo-config.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/rondo-config-version.cmake COMPATIBILITY SameMinorVersion)

install(FILES ${PROJECT_BINARY_DIR}/rondo-config.cmake
              ${PROJECT_BINARY_DIR}/rondo-config-version.cmake
        DESTINATION ${package_dir})
install(EXPORT rondo NAMESPACE rondo:: FILE rondo-targets.cmake DESTINATION ${package_dir})
install(FILES LICENSE DESTINATION share/doc/rondo)
