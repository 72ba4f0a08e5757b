# What every file of ours is compiled with. Third-party sources get none of the warnings.
add_library(house_flags INTERFACE)
target_include_directories(house_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
target_compile_definitions(house_flags INTERFACE _GNU_SOURCE)
target_compile_options(house_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Wvla -Wcast-qual -Wformat=2
  -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Werror -fno-common)

if(CRYO_SANITIZE)
  add_compile_options(-fsanitize=${CRYO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CRYO_SANITIZE})
endif()

# OpenSSF hardening guide, for what gcc 12 and clang 14 both know.
if(CRYO_HARDEN)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection=full)
  add_compile_definitions($<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=2>)
  add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
