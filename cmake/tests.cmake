# tests/<room>/<file>_test.c becomes one CTest test of that name, labelled "unit". Other .c files
# beside it are linked into every test of that folder, those in tests/support/ into all tests.
#
# A test runs under the thread sanitizer too (label "threads") when its room starts threads, that is
# when a file of src/<room>/ includes base/thread.h, base/queue.h or pthread.h, or when the test itself does, or
# says "runs under tsan" in a comment. The tsan preset builds and runs only those.
set(thread_marks "^#include [<\"](base/thread|base/queue|pthread)\\.h[>\"]|runs under tsan")

# The sanitizers speak up and end the test; leaks count. CRYO_BUILD is where a test finds programs.
set(test_environment
  "CRYO_BUILD=${CMAKE_BINARY_DIR}"
  "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:check_initialization_order=1"
  "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:die_after_fork=0")

# TSan's shadow memory collides with address randomisation of more than 28 bits.
set(test_launcher)
if(CRYO_SANITIZE MATCHES thread AND EXISTS /proc/sys/vm/mmap_rnd_bits)
  file(READ /proc/sys/vm/mmap_rnd_bits random_bits)
  if(random_bits GREATER 28)
    set(test_launcher setarch -R)
  endif()
endif()

# has_threads(<result> <files>): does one of the files bear a mark?
function(has_threads result)
  set(${result} FALSE PARENT_SCOPE)
  foreach(source IN LISTS ARGN)
    file(STRINGS ${source} marks REGEX "${thread_marks}" LIMIT_COUNT 1)
    if(marks)
      set(${result} TRUE PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

set(test_timeout 120)
if(CRYO_COVERAGE)
  set(test_timeout 600) # counting takes its time
endif()
if(CMAKE_CROSSCOMPILING)
  set(test_launcher ${CMAKE_CROSSCOMPILING_EMULATOR})
  set(test_timeout 1200) # every instruction is emulated
endif()

# house_test(<name> <labels> <command>...): registers with labels, environment and launcher.
function(house_test name labels)
  add_test(NAME ${name} COMMAND ${test_launcher} ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" ENVIRONMENT "${test_environment}" TIMEOUT ${test_timeout})
endfunction()

if(NOT CRYO_TESTS)
  return()
endif()
if(NOT CMOCKA_FOUND)
  message(STATUS "cmocka not found: no unit tests (tools/setup brings it)")
  return()
endif()

file(GLOB_RECURSE support_sources CONFIGURE_DEPENDS tests/support/*.c)
add_library(test_support INTERFACE)
if(support_sources)
  add_library(test_support_objects STATIC ${support_sources})
  target_include_directories(test_support_objects PRIVATE tests)
  target_link_libraries(test_support_objects PRIVATE house_flags PkgConfig::CMOCKA PUBLIC house PkgConfig::OPENSSL)
  target_link_libraries(test_support INTERFACE test_support_objects)
endif()

file(GLOB test_folders CONFIGURE_DEPENDS LIST_DIRECTORIES TRUE tests/*)
foreach(folder IN LISTS test_folders)
  get_filename_component(room ${folder} NAME)
  file(GLOB_RECURSE test_sources CONFIGURE_DEPENDS ${folder}/*_test.c)
  file(GLOB_RECURSE helper_sources CONFIGURE_DEPENDS ${folder}/*.c)
  list(REMOVE_ITEM helper_sources ${test_sources})
  file(GLOB_RECURSE room_sources CONFIGURE_DEPENDS src/${room}/*.[ch])
  has_threads(room_has_threads ${room_sources})
  foreach(source IN LISTS test_sources)
    get_filename_component(name ${source} NAME_WE)
    has_threads(test_has_threads ${source})
    set(labels unit)
    if(room_has_threads OR test_has_threads)
      list(APPEND labels threads)
    elseif(CRYO_SANITIZE MATCHES thread)
      continue()
    endif()
    add_executable(${name} ${source} ${helper_sources})
    target_include_directories(${name} PRIVATE tests)
    target_link_libraries(${name} PRIVATE house_flags test_support house PkgConfig::CMOCKA)
    house_test(${name} "${labels}" $<TARGET_FILE:${name}>)
  endforeach()
endforeach()

# The simulator stands in for the system where the library asks it (tests/sim/doors.h). Its thousand
# seeds run in as many parts as there are processors, outside of "unit"; with sanitizers a tenth of them.
if(TARGET sim_test)
  foreach(door clock_system sockets_system random_seed_from_system port_owner_find getpid uname readlink)
    target_link_options(sim_test PRIVATE -Wl,--wrap=${door})
  endforeach()
  set(sim_seeds 1000)
  if(CRYO_SANITIZE)
    set(sim_seeds 100)
  endif()
  cmake_host_system_information(RESULT sim_parts QUERY NUMBER_OF_LOGICAL_CORES)
  math(EXPR sim_each "(${sim_seeds} + ${sim_parts} - 1) / ${sim_parts}")
  foreach(part RANGE 1 ${sim_parts})
    math(EXPR sim_from "1 + (${part} - 1) * ${sim_each}")
    house_test(sim_seeds_${part} sim $<TARGET_FILE:sim_test> ${sim_from} ${sim_each})
    set_tests_properties(sim_seeds_${part} PROPERTIES TIMEOUT 600)
  endforeach()
endif()

house_test(tidy unit ${CMAKE_SOURCE_DIR}/tools/tidy --inside)
find_program(CLANG_FORMAT clang-format-14)
if(CLANG_FORMAT)
  house_test(format unit ${CMAKE_SOURCE_DIR}/tools/format --check)
endif()

# Every example runs. Where sanitizers or missing libraries keep the shared library out there are none.
if(TARGET cryostorm_shared)
  house_test(examples unit ${CMAKE_SOURCE_DIR}/tests/examples/run.sh)
endif()
