# tests/test_X.c    Criterion tests of module X                       label unit
# tests/e2e_X.c     Criterion, whole path                             label e2e
# tests/slow_X.c    Criterion, statistics that take long              label slow
# tests/thread_X.c  plain main, also run under ThreadSanitizer        label threads
# tests/fuzz_X.c    plain main, seeded mutations of files             label fuzz
# tests/X.sh        scripts                                           label unit or e2e
pkg_check_modules(CRITERION REQUIRED IMPORTED_TARGET criterion>=2.4)
# Several tests share the cores: threads that wait must not spin.
set(TEST_ENVIRONMENT "OMP_WAIT_POLICY=passive")
set(SANITIZER_FINDINGS "ERROR: (Address|Leak)Sanitizer;WARNING: ThreadSanitizer;runtime error:")
if(TORC_SANITIZE STREQUAL "thread")
  list(APPEND TEST_ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1") # libomp: Archer
endif()
# Seeded secrets exist only here: objects made by them are marked and refused by loaders.
file(GLOB COMMON_SOURCES CONFIGURE_DEPENDS tests/common/*.c)
torc_library(torc_test_common SOURCES ${COMMON_SOURCES} LINK torc_models torc_local PkgConfig::CRITERION)
include(cmake/avx512_emulated.cmake)

function(torc_test pattern label timeout criterion)
  if(TORC_SANITIZE)
    math(EXPR timeout "${timeout} * 5")
  endif()
  file(GLOB TEST_SOURCES CONFIGURE_DEPENDS tests/${pattern}_*.c)
  add_custom_target(tests_${label})
  foreach(source ${TEST_SOURCES})
    get_filename_component(test ${source} NAME_WE)
    add_executable(${test} ${source})
    add_dependencies(tests_${label} ${test})
    target_link_libraries(${test} PRIVATE torc_test_common)
    target_compile_definitions(${test} PRIVATE
      TORC_SOURCE_DIR="${CMAKE_SOURCE_DIR}" TORC_BINARY_DIR="${CMAKE_BINARY_DIR}")
    if(criterion)
      add_test(NAME ${test} COMMAND ${test} --verbose=0)
    else()
      add_test(NAME ${test} COMMAND ${test})
    endif()
    set_tests_properties(${test} PROPERTIES LABELS ${label} TIMEOUT ${timeout}
      ENVIRONMENT "${TEST_ENVIRONMENT}"
      FAIL_REGULAR_EXPRESSION "${SANITIZER_FINDINGS}" SKIP_RETURN_CODE 77)
  endforeach()
endfunction()
# What reaches the kernels by torc_cpu_kernels_get, once more with those of AVX-512.
function(torc_test_avx512 label timeout)
  if(NOT TORC_AVX512_EMULATED)
    return()
  endif()
  if(TORC_SANITIZE)
    math(EXPR timeout "${timeout} * 5")
  endif()
  foreach(test ${ARGN})
    add_test(NAME ${test}_avx512 COMMAND ${test} --verbose=0)
    set_tests_properties(${test}_avx512 PROPERTIES LABELS ${label} TIMEOUT ${timeout}
      ENVIRONMENT "${TEST_ENVIRONMENT};TORC_CPU=avx512_emulated" FAIL_REGULAR_EXPRESSION "${SANITIZER_FINDINGS}")
  endforeach()
endfunction()
# Programs that run machine code of kernels/cpu one instruction at a time; tests/avx512_check.sh and
# tests/instructions.sh run them. Addresses of the disassembly are those of memory: no PIE.
file(GLOB STEP_SOURCES CONFIGURE_DEPENDS tests/instructions/*.c)
list(FILTER STEP_SOURCES EXCLUDE REGEX "/(avx512_check|count|rows)\\.c$")
set_source_files_properties(tests/instructions/lanes.c PROPERTIES COMPILE_OPTIONS "-ffp-contract=off")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT TORC_SANITIZE)
  add_executable(instructions tests/instructions/count.c tests/instructions/rows.c ${STEP_SOURCES})
  add_executable(avx512_check tests/instructions/avx512_check.c ${STEP_SOURCES})
  foreach(program instructions avx512_check)
    target_link_libraries(${program} PRIVATE torc_kernels)
    target_link_options(${program} PRIVATE -no-pie)
  endforeach()
  target_compile_definitions(avx512_check PRIVATE TORC_AVX512_EMULATED=${TORC_AVX512_EMULATED})
  if(TORC_AVX512_EMULATED)
    target_sources(avx512_check PRIVATE $<TARGET_OBJECTS:torc_kernels_avx512_emulated>)
  endif()
endif()
add_test(NAME avx512_check_all COMMAND sh tests/avx512_check.sh ${CMAKE_BINARY_DIR} --all
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(avx512_check_all PROPERTIES LABELS slow TIMEOUT 1800 SKIP_RETURN_CODE 77)
# Reads the machine code of CUDA kernels; tests/resources.sh runs it.
torc_library(torc_resources SOURCES tests/resources/sass.c tests/resources/sass_name.c tests/resources/table.c)
add_executable(resources tests/resources/main.c)
target_link_libraries(resources PRIVATE torc_resources)

torc_test(test unit 120 TRUE)
target_link_libraries(test_resources PRIVATE torc_resources)
torc_test(e2e e2e 300 TRUE)
torc_test(slow slow 1800 TRUE)
torc_test_avx512(unit 120 test_backend_cpu test_kernels_batch test_kernels_cpu_grouped test_conformance)
torc_test_avx512(slow 3600 slow_kernels_noise)
torc_test(thread threads 120 FALSE)
torc_test(fuzz fuzz 120 FALSE)

file(GLOB SCRIPT_TESTS CONFIGURE_DEPENDS tests/*.sh)
list(FILTER SCRIPT_TESTS EXCLUDE REGEX mutate) # long: below
foreach(script ${SCRIPT_TESTS})
  get_filename_component(test ${script} NAME_WE)
  add_test(NAME ${test} COMMAND sh ${script} ${CMAKE_BINARY_DIR} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${test} PROPERTIES LABELS unit TIMEOUT 300 SKIP_RETURN_CODE 77
    ENVIRONMENT "${TEST_ENVIRONMENT}")
endforeach()
foreach(test avx512_check instructions) # minutes where others want the cores too
  set_tests_properties(${test} PROPERTIES TIMEOUT 1200)
endforeach()
# One changed line of a CUDA kernel at a time: about an hour.
add_test(NAME mutations COMMAND sh tests/mutate.sh ${CMAKE_BINARY_DIR} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(mutations PROPERTIES LABELS slow TIMEOUT 14400 SKIP_RETURN_CODE 77)
