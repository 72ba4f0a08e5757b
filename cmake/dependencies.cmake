# Debian's packages, found by pkg-config; which room may use which is said in rooms.cmake.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(FYAML REQUIRED IMPORTED_TARGET libfyaml)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(LIBSSL REQUIRED libssl>=3) # headers only: net loads it when TLS is wanted
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl>=3) # tests and benchmarks speak TLS by hand
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LZ4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(SNAPPY REQUIRED IMPORTED_TARGET snappy)
pkg_check_modules(CMOCKA IMPORTED_TARGET cmocka)
pkg_check_modules(MICROHTTPD IMPORTED_TARGET libmicrohttpd)

# llhttp: Debian ships its C sources (package node-llhttp), which are compiled as they are.
find_path(LLHTTP_INCLUDE llhttp.h PATHS /usr/share/include/llhttp NO_DEFAULT_PATH REQUIRED)
set(LLHTTP_SOURCE /usr/share/llhttp)
add_library(llhttp OBJECT
  ${LLHTTP_SOURCE}/api.c ${LLHTTP_SOURCE}/http.c ${LLHTTP_SOURCE}/llhttp.c)
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1) # no bare LF, no rest after a close
target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE} /usr/share/include)
