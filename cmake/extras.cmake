# What stands around the house: examples (built as a user would, from public headers and the shared
# library alone), benchmarks, and fuzzers with the replay of their corpus.
add_custom_target(extras) # what no ordinary build needs, but every warning check covers

# ---- examples/<name>.c, or examples/<name>/*.c ---------------------------------------------------
set(example_libraries_llm_app MICROHTTPD)
file(GLOB entries CONFIGURE_DEPENDS LIST_DIRECTORIES TRUE examples/*)
foreach(entry IN LISTS entries)
  get_filename_component(name ${entry} NAME_WE)
  if(IS_DIRECTORY ${entry})
    file(GLOB sources CONFIGURE_DEPENDS ${entry}/*.c)
  else()
    string(REGEX MATCH ".*\\.c$" sources ${entry})
  endif()
  if(NOT sources OR NOT TARGET cryostorm_shared)
    continue()
  endif()
  set(needs ${example_libraries_${name}})
  if(needs AND NOT ${needs}_FOUND)
    message(STATUS "example ${name} left out: ${needs} not found (tools/setup --for demo brings it)")
    continue()
  endif()
  add_executable(example_${name} ${sources})
  set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/examples)
  target_link_libraries(example_${name} PRIVATE house_warnings cryostorm_shared)
  if(needs)
    target_link_libraries(example_${name} PRIVATE PkgConfig::${needs})
  endif()
endforeach()

# ---- bench/<thing>.c, run by tools/bench -----------------------------------------------------------
file(GLOB bench_sources CONFIGURE_DEPENDS bench/*.c)
file(GLOB bench_support CONFIGURE_DEPENDS bench/support/*.c)
add_library(bench_support STATIC EXCLUDE_FROM_ALL ${bench_support})
target_include_directories(bench_support PUBLIC bench)
target_link_libraries(bench_support PRIVATE house_flags PUBLIC house)
foreach(source IN LISTS bench_sources)
  get_filename_component(name ${source} NAME_WE)
  add_executable(bench_${name} EXCLUDE_FROM_ALL ${source})
  set_target_properties(bench_${name} PROPERTIES OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin/bench)
  target_link_libraries(bench_${name} PRIVATE house_flags bench_support)
  add_dependencies(extras bench_${name})
endforeach()

# tools/instructions counts an exchange over the network that the tests simulate.
target_sources(bench_instructions PRIVATE tests/support/sim_net.c)
target_include_directories(bench_instructions PRIVATE tests)

# TLS needs a certificate, which is made on the spot as in the tests.
target_sources(bench_net_exchange PRIVATE tests/support/test_certs.c)
target_include_directories(bench_net_exchange PRIVATE tests)
target_link_libraries(bench_net_exchange PRIVATE PkgConfig::OPENSSL)
# ---- tests/overload: the load and the judge of the real program; see tests/overload/run ------------
file(GLOB overload_sources CONFIGURE_DEPENDS tests/overload/*.c)
add_executable(overload EXCLUDE_FROM_ALL ${overload_sources} tests/support/test_certs.c)
target_include_directories(overload PRIVATE tests)
target_link_libraries(overload PRIVATE house_flags house PkgConfig::OPENSSL)
add_dependencies(extras overload)

# ---- fuzz/<decoder>.c with fuzz/corpus/<decoder>/ --------------------------------------------------
# In the preset "fuzz" each becomes a libFuzzer program; in the others it is linked with fuzz/support/replay.c
# and a CTest test feeds it its corpus.
file(GLOB fuzz_sources CONFIGURE_DEPENDS fuzz/*.c)
foreach(source IN LISTS fuzz_sources)
  get_filename_component(name ${source} NAME_WE)
  set(corpus ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name})
  if(CRYO_FUZZ)
    add_executable(fuzz_${name} ${source})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    target_include_directories(fuzz_${name} PRIVATE tests)
    target_link_libraries(fuzz_${name} PRIVATE house_flags house)
  elseif(CRYO_TESTS AND NOT CRYO_SANITIZE MATCHES thread)
    add_executable(fuzz_${name} ${source} fuzz/support/replay.c)
    target_include_directories(fuzz_${name} PRIVATE tests)
    target_link_libraries(fuzz_${name} PRIVATE house_flags house)
    house_test(fuzz_${name} "fuzz" $<TARGET_FILE:fuzz_${name}> ${corpus})
  endif()
endforeach()

# ---- tests/conformance/<name>_suite.c: runs a suite of the field's, called by tests/conformance/run -
file(GLOB suite_sources CONFIGURE_DEPENDS tests/conformance/*_suite.c)
foreach(source IN LISTS suite_sources)
  if(NOT TARGET test_support_objects)
    break()
  endif()
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} EXCLUDE_FROM_ALL ${source})
  target_include_directories(${name} PRIVATE tests)
  target_link_libraries(${name} PRIVATE house_flags test_support house PkgConfig::CMOCKA)
  add_dependencies(extras ${name})
endforeach()

# ---- tests/interop/decode.c: our decoder, as tests/interop/decode.py asks it -----------------------
add_executable(interop_decode EXCLUDE_FROM_ALL tests/interop/decode.c)
target_link_libraries(interop_decode PRIVATE house_flags house)
add_dependencies(extras interop_decode)
