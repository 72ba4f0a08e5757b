# One object library per line of rooms.txt that has sources. room_<name> is the target.
set(room_libraries_codec PkgConfig::ZLIB)
set(room_libraries_config PkgConfig::FYAML)
set(room_libraries_net PkgConfig::NGHTTP2 llhttp)

file(STRINGS rooms.txt room_lines REGEX "^[a-z]")
set(rooms)
foreach(line IN LISTS room_lines)
  string(REGEX MATCH "^[a-z]+" room "${line}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/${room}/*.c src/${room}/*.S)
  if(NOT sources)
    continue() # not opened yet, or headers only
  endif()
  add_library(room_${room} OBJECT ${sources})
  target_link_libraries(room_${room} PRIVATE house_flags Threads::Threads ${room_libraries_${room}})
  list(APPEND rooms ${room})
endforeach()
