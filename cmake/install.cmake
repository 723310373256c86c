# SPDX-License-Identifier: MIT
# What cmake --install puts where: the program for boards and the library under it, in the components relfence and dev.
# The lab and the modelled boards are only installed when asked for (--component lab, --component board), to where
# packaging/CMakeLists.txt puts them; it makes a package of each component.
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME relfence)
# What is there is installed: a package does not need the tests to be built.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# One archive of the folders whose headers are public. tl::expected and fmt are its users' affair too.
set(public_folders base v4l2 sync dmabuf kms)
add_library(relfence_library STATIC)
foreach(folder ${public_folders})
  target_sources(relfence_library PRIVATE $<TARGET_OBJECTS:relfence_${folder}>)
  install(DIRECTORY include/relfence/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/relfence
    COMPONENT dev FILES_MATCHING PATTERN "*.hpp")
endforeach()
pkg_check_modules(DRM REQUIRED IMPORTED_TARGET libdrm)
set_target_properties(relfence_library PROPERTIES OUTPUT_NAME relfence EXPORT_NAME relfence LINKER_LANGUAGE CXX)
target_compile_features(relfence_library PUBLIC cxx_std_20)
target_link_libraries(relfence_library PUBLIC fmt::fmt tl::expected PRIVATE PkgConfig::DRM)
target_include_directories(relfence_library INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# What has to be built before cmake --install.
add_custom_target(installable DEPENDS relfence relfence_library)

install(TARGETS relfence RUNTIME)
# What relfence trace puts into the program that it starts.
if(TARGET relfence-observe)
  add_dependencies(installable relfence-observe)
  install(TARGETS relfence-observe LIBRARY DESTINATION lib/relfence)
endif()
install(TARGETS relfence_library EXPORT relfence-targets ARCHIVE COMPONENT dev)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/relfence)
install(EXPORT relfence-targets NAMESPACE relfence:: DESTINATION ${package_folder} COMPONENT dev)
configure_package_config_file(cmake/relfence-config.cmake.in ${CMAKE_BINARY_DIR}/relfence-config.cmake
  INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/relfence-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/relfence-config.cmake ${CMAKE_BINARY_DIR}/relfence-config-version.cmake
  DESTINATION ${package_folder} COMPONENT dev)
# When it is installed and not before: --prefix may come only then.
install(CODE "set(CMAKE_INSTALL_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
set(CMAKE_INSTALL_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
set(PROJECT_VERSION \"${PROJECT_VERSION}\")
configure_file(\"${PROJECT_SOURCE_DIR}/cmake/relfence.pc.in\" \"${CMAKE_BINARY_DIR}/relfence.pc\" @ONLY)" COMPONENT dev)
install(FILES ${CMAKE_BINARY_DIR}/relfence.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

file(GLOB pages CONFIGURE_DEPENDS docs/man/*.1)
list(FILTER pages EXCLUDE REGEX "/relfence-(lab|board)[-.]")
install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
# The same script for all programs: it asks the program for what it knows.
set(bash_folder ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES scripts/completion/relfence.bash DESTINATION ${bash_folder} RENAME relfence)
foreach(component lab board)
  file(GLOB pages CONFIGURE_DEPENDS docs/man/relfence-${component}[-.]*1)
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
    COMPONENT ${component} EXCLUDE_FROM_ALL)
  install(FILES scripts/completion/relfence.bash DESTINATION ${bash_folder} RENAME relfence-${component}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()
install(FILES scripts/completion/_relfence DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
