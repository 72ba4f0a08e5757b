# What every file of ours is compiled with. Third-party sources get none of the warnings.
add_library(house_warnings INTERFACE)
target_compile_options(house_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Wvla -Wcast-qual -Wformat=2 -Werror
  $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes;-Wmissing-prototypes;-Wwrite-strings;-fno-common>)

add_library(house_flags INTERFACE)
target_include_directories(house_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(house_flags INTERFACE _GNU_SOURCE)
target_link_libraries(house_flags INTERFACE house_warnings)

# One section per function and object, so that the linker can leave out what nobody uses.
add_compile_options(-ffunction-sections -fdata-sections)

if(CRYO_SANITIZE)
  add_compile_options(-fsanitize=${CRYO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CRYO_SANITIZE})
endif()

if(CRYO_COVERAGE)
  add_compile_options(--coverage -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

if(CRYO_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# OpenSSF hardening guide, for what gcc 12 and clang 14 both know.
if(CRYO_HARDEN)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
  add_compile_definitions($<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=2>)
  add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()

# ccache, where it is installed, makes the second build of the same text free.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
