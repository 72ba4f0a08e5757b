# What the rooms become: the library (shared and static) and the program.
set(library_rooms base codec config model otlp net host prom) # what sdk may lean on
set(third_party PkgConfig::ZLIB PkgConfig::NGHTTP2 PkgConfig::FYAML Threads::Threads m dl)

# Every room but cmd's main, for the tests; llhttp rides along.
set(house_objects $<TARGET_OBJECTS:llhttp>)
foreach(room IN LISTS rooms)
  if(NOT room STREQUAL cmd AND NOT room STREQUAL auto)
    list(APPEND house_objects $<TARGET_OBJECTS:room_${room}>)
  endif()
endforeach()
add_library(house STATIC ${house_objects})
target_link_libraries(house PUBLIC ${third_party})

if(TARGET room_cmd)
  add_executable(cryostorm $<TARGET_OBJECTS:room_cmd>)
  target_link_libraries(cryostorm PRIVATE house)
endif()
