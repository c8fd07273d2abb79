# cmake --install: the headers, and a package for find_package(fovea [COMPONENTS image]).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(fovea_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/fovea) # header-only: the same for every processor
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/fovea DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# fovea::fovea as an exported target; fovea::image is defined where the package is found, from the libraries there.
install(TARGETS fovea EXPORT fovea_targets)
install(EXPORT fovea_targets NAMESPACE fovea:: FILE fovea_targets.cmake DESTINATION ${fovea_package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/fovea_config.cmake.in
  ${PROJECT_BINARY_DIR}/fovea-config.cmake INSTALL_DESTINATION ${fovea_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fovea-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/fovea-config.cmake ${PROJECT_BINARY_DIR}/fovea-config-version.cmake
              ${CMAKE_CURRENT_LIST_DIR}/fovea_dispatch.cmake ${CMAKE_CURRENT_LIST_DIR}/fovea_dispatch_check.cmake
              ${CMAKE_CURRENT_LIST_DIR}/fovea_embed.cmake ${CMAKE_CURRENT_LIST_DIR}/fovea_image.cmake
        DESTINATION ${fovea_package_dir})
