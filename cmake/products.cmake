# What the rooms become: the library (shared and static) and the program.
include(GNUInstallDirs)

set(third_party PkgConfig::ZLIB PkgConfig::NGHTTP2 PkgConfig::FYAML PkgConfig::RE2 PkgConfig::SECCOMP
  PkgConfig::DEFLATE PkgConfig::ZSTD PkgConfig::LZ4 PkgConfig::SNAPPY stdc++ Threads::Threads m dl)

# ---- everything but the files with a main, for the program and the tests; llhttp rides along ------
set(house_objects $<TARGET_OBJECTS:llhttp>)
foreach(room IN LISTS rooms)
  if(NOT room STREQUAL auto)
    list(APPEND house_objects $<TARGET_OBJECTS:room_${room}>)
  endif()
endforeach()
add_library(house STATIC ${house_objects})
target_link_libraries(house PUBLIC ${third_party})

# ---- the program -----------------------------------------------------------------------------------
if(cmd_mains)
  foreach(source IN LISTS cmd_mains) # src/cmd/<program>.c with a main
    get_filename_component(program ${source} NAME_WE)
    if(program MATCHES "^main")
      set(program cryostorm)
    endif()
    add_executable(${program} ${source})
    target_link_libraries(${program} PRIVATE house_flags house)
    install(TARGETS ${program} RUNTIME)
  endforeach()
  # The unit names the place, which is only known when it is installed.
  install(CODE "
    set(program \${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/cryostorm)
    configure_file(${CMAKE_SOURCE_DIR}/packaging/cryostorm.service.in
      ${CMAKE_BINARY_DIR}/packaging/cryostorm.service @ONLY)")
  install(FILES ${CMAKE_BINARY_DIR}/packaging/cryostorm.service DESTINATION lib/systemd/system)
endif()

if(NOT TARGET room_sdk)
  return() # no library without its room
endif()

# ---- the library -----------------------------------------------------------------------------------
# The rooms that sdk may lean on become an archive, from which the linker takes only the members that
# sdk needs: what nobody calls (the YAML reader and with it libfyaml, servers, decoders) stays out.
# Outside, only cryo_* exists: by the version script in the shared library, and in the static one by
# linking everything into one object and making every other name local to it.
set(library_rooms base codec config model otlp net host prom)
set(inner_objects $<TARGET_OBJECTS:llhttp>)
foreach(room IN LISTS library_rooms)
  if(TARGET room_${room})
    list(APPEND inner_objects $<TARGET_OBJECTS:room_${room}>)
  endif()
endforeach()
add_library(cryostorm_inner STATIC ${inner_objects})
set_target_properties(cryostorm_inner PROPERTIES ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/inner)

set(exports ${CMAKE_SOURCE_DIR}/packaging/cryostorm.map)
add_library(cryostorm_shared SHARED $<TARGET_OBJECTS:room_sdk>)
target_include_directories(cryostorm_shared INTERFACE include)
target_link_libraries(cryostorm_shared PRIVATE cryostorm_inner PkgConfig::ZLIB PkgConfig::NGHTTP2 Threads::Threads m dl)
target_link_options(cryostorm_shared PRIVATE
  -Wl,--version-script=${exports} -Wl,--as-needed -Wl,--gc-sections -Wl,--exclude-libs,ALL
  -Wl,-z,nodelete) # dlclose() must not take the code from under the worker thread
if(NOT CRYO_SANITIZE)
  # The tables of pointers cost a bit each instead of 24 bytes; glibc reads such relocations since 2.36.
  target_link_options(cryostorm_shared PRIVATE -Wl,--no-undefined -Wl,-z,pack-relative-relocs)
endif()
set_target_properties(cryostorm_shared PROPERTIES OUTPUT_NAME cryostorm
  VERSION ${PROJECT_VERSION} SOVERSION 0 LINK_DEPENDS ${exports})

set(static_library ${CMAKE_BINARY_DIR}/lib/libcryostorm.a)
set(static_object ${CMAKE_BINARY_DIR}/inner/cryostorm.o)
add_custom_command(OUTPUT ${static_library}
  COMMAND ${CMAKE_LINKER} -r -o ${static_object} $<TARGET_OBJECTS:room_sdk> $<TARGET_FILE:cryostorm_inner>
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden --wildcard --keep-global-symbol=cryo_* ${static_object}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${static_library}
  COMMAND ${CMAKE_AR} rcs ${static_library} ${static_object}
  DEPENDS room_sdk $<TARGET_OBJECTS:room_sdk> cryostorm_inner
  COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking C static library lib/libcryostorm.a (one object)")
add_custom_target(cryostorm_static ALL DEPENDS ${static_library})

# ---- what is installed -----------------------------------------------------------------------------
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cryostorm)
file(RELATIVE_PATH pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
file(RELATIVE_PATH package_to_prefix /${package_dir} /)
configure_file(packaging/cryostorm.pc.in ${CMAKE_BINARY_DIR}/packaging/cryostorm.pc @ONLY)
configure_file(packaging/cryostorm-config.cmake.in ${CMAKE_BINARY_DIR}/packaging/cryostorm-config.cmake @ONLY)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/packaging/cryostorm-config-version.cmake
  COMPATIBILITY SameMinorVersion)

install(DIRECTORY include/cryostorm TYPE INCLUDE FILES_MATCHING PATTERN "*.h")
install(TARGETS cryostorm_shared LIBRARY)
install(FILES ${static_library} TYPE LIB)
install(FILES ${CMAKE_BINARY_DIR}/packaging/cryostorm.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/packaging/cryostorm-config.cmake
  ${CMAKE_BINARY_DIR}/packaging/cryostorm-config-version.cmake DESTINATION ${package_dir})
