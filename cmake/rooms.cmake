# What the assembler includes by name, no compiler tells the build about.
set_source_files_properties(src/cmd/default_config.S PROPERTIES OBJECT_DEPENDS ${CMAKE_SOURCE_DIR}/configs/default.yaml)

# One object library per line of rooms.txt that has sources. room_<name> is the target.
set(room_libraries_codec PkgConfig::ZLIB)
set(room_libraries_compress PkgConfig::DEFLATE PkgConfig::ZSTD PkgConfig::LZ4 PkgConfig::SNAPPY)
set(room_libraries_config PkgConfig::FYAML)
set(room_libraries_regex PkgConfig::RE2)
set(room_libraries_cmd PkgConfig::SECCOMP)
set(room_libraries_net PkgConfig::NGHTTP2 llhttp)

file(STRINGS rooms.txt room_lines REGEX "^[a-z]")
set(rooms)
foreach(line IN LISTS room_lines)
  string(REGEX MATCH "^[a-z]+" room "${line}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/${room}/*.c src/${room}/*.cc src/${room}/*.S)
  if(NOT sources)
    continue() # not opened yet, or headers only
  endif()
  if(room STREQUAL cmd) # a file with a main becomes a program of its own, see products.cmake
    foreach(source IN LISTS sources)
      file(STRINGS ${source} main REGEX "^int main\\(" LIMIT_COUNT 1)
      if(main)
        list(APPEND cmd_mains ${source})
        list(REMOVE_ITEM sources ${source})
      endif()
    endforeach()
    if(NOT sources)
      continue()
    endif()
  endif()
  add_library(room_${room} OBJECT ${sources})
  target_link_libraries(room_${room} PRIVATE house_flags Threads::Threads ${room_libraries_${room}})
  list(APPEND rooms ${room})
endforeach()

# The list is also a law: every build in which a source changed asks tools/rooms about the includes.
file(GLOB_RECURSE watched CONFIGURE_DEPENDS src/*.[chS] include/*.h tests/*.[ch])
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/rooms.checked
  COMMAND ${CMAKE_SOURCE_DIR}/tools/rooms
  COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/rooms.checked
  DEPENDS ${watched} rooms.txt tools/rooms VERBATIM COMMENT "Checking the rooms")
add_custom_target(rooms_check ALL DEPENDS ${CMAKE_BINARY_DIR}/rooms.checked)
