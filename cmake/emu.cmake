# The CUDA kernels on the CPU (kernels/emu), and their tests on both.
#   tests/gpu_X.c      -> emu_X, _reverse, _random   against the emulator       label emu
#                      -> emu_check_X           against its check form, toy sizes
#                      -> gpu_X                 against a device (TORC_CUDA)    label gpu, 77 without one
#   tests/emu_X.c      -> emu_X, emu_check_X       against the emulator alone
#   tests/slowgpu_X.c  -> slowemu_X, slowgpu_X  statistics                      label slow
#   tests/engine_X.c   -> emu_engine_X, gpu_engine_X   Criterion, the whole backend; engine_weak_X use
#                      toy keys, _faults and _memory need the emulator
add_custom_target(tests_emu) # builds all programs of the tests labelled emu
add_subdirectory(kernels/emu)
if(NOT BUILD_TESTING)
  return()
endif()

# One test source, built against `library`.
function(torc_kernel_test name source library)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE ${library} torc_kernels)
endfunction()

function(torc_add_kernel_test name target label timeout environment)
  if(TORC_SANITIZE)
    math(EXPR timeout "${timeout} * 5")
  endif()
  add_test(NAME ${name} COMMAND ${target})
  set_tests_properties(${name} PROPERTIES LABELS "${label}" TIMEOUT ${timeout} SKIP_RETURN_CODE 77
    ENVIRONMENT "OMP_WAIT_POLICY=passive;${environment}")
endfunction()

# Tests that bring kernels of their own, on a device too.
if(TORC_CUDA)
  foreach(test primitives routes tensor)
    add_executable(gpu_${test} kernels/emu/test/${test}.cu)
    target_link_libraries(gpu_${test} PRIVATE torc_kernels_cuda torc_cuda_flags)
    torc_add_kernel_test(gpu_${test} gpu_${test} gpu 60 "")
    set_tests_properties(gpu_${test} PROPERTIES RESOURCE_LOCK gpu)
  endforeach()
endif()

file(GLOB KERNEL_TESTS CONFIGURE_DEPENDS tests/gpu_*.c)
file(GLOB SLOW_KERNEL_TESTS CONFIGURE_DEPENDS tests/slowgpu_*.c)
foreach(source ${KERNEL_TESTS} ${SLOW_KERNEL_TESTS})
  get_filename_component(gpu_test ${source} NAME_WE)
  string(REGEX REPLACE "gpu_" "emu_" emu_test ${gpu_test})
  torc_kernel_test(${emu_test} ${source} torc_kernels_emu)
  add_dependencies(tests_emu ${emu_test})
  if(TORC_CUDA)
    torc_kernel_test(${gpu_test} ${source} torc_kernels_cuda)
  endif()
  if(gpu_test MATCHES "^slow")
    torc_add_kernel_test(${emu_test} ${emu_test} slow 1800 "")
    if(TORC_CUDA)
      torc_add_kernel_test(${gpu_test} ${gpu_test} "slow;gpu" 1800 "")
    endif()
  else()
    torc_add_kernel_test(${emu_test} ${emu_test} emu 120 "TORC_EMU_ORDER=forward")
    # Production sizes of the rotation once; its other orders and the check form at toy sizes.
    set(size "")
    if(gpu_test MATCHES "rotate")
      set(size "TORC_TEST_TOY=1;")
    endif()
    torc_add_kernel_test(${emu_test}_reverse ${emu_test} emu 120 "${size}TORC_EMU_ORDER=reverse")
    torc_add_kernel_test(${emu_test}_random ${emu_test} emu 120 "${size}TORC_EMU_ORDER=random;TORC_EMU_SEED=1")
    string(REGEX REPLACE "gpu_" "emu_check_" check_test ${gpu_test})
    torc_kernel_test(${check_test} ${source} torc_kernels_emu_check)
    add_dependencies(tests_emu ${check_test})
    torc_add_kernel_test(${check_test} ${check_test} emu 240 "TORC_TEST_TOY=1")
    if(TORC_CUDA)
      torc_add_kernel_test(${gpu_test} ${gpu_test} gpu 120 "")
      set_tests_properties(${gpu_test} PROPERTIES RESOURCE_LOCK gpu)
    endif()
  endif()
endforeach()

# tests/emu_X.c: what no device does on request          -> emu_X, emu_check_X
file(GLOB EMULATOR_TESTS CONFIGURE_DEPENDS tests/emu_*.c)
foreach(source ${EMULATOR_TESTS})
  get_filename_component(test ${source} NAME_WE)
  string(REGEX REPLACE "^emu_" "emu_check_" check_test ${test})
  torc_kernel_test(${test} ${source} torc_kernels_emu)
  torc_kernel_test(${check_test} ${source} torc_kernels_emu_check)
  add_dependencies(tests_emu ${test} ${check_test})
  torc_add_kernel_test(${test} ${test} emu 120 "")
  torc_add_kernel_test(${check_test} ${check_test} emu 240 "TORC_TEST_TOY=1")
endforeach()

# The environment's way to make a call fail.
add_test(NAME emu_faults_environment COMMAND emu_memory)
set_tests_properties(emu_faults_environment PROPERTIES LABELS emu TIMEOUT 60 ENVIRONMENT "TORC_EMU_FAIL=9:719"
  PASS_REGULAR_EXPRESSION "gpu_.*: unspecified launch failure")

# Streams that run ahead of those who wait.
foreach(test memory graph devices)
  foreach(streams eager random)
    torc_add_kernel_test(emu_${test}_streams_${streams} emu_${test} emu 120 "TORC_TEST_TOY=1;TORC_EMU_STREAMS=${streams}")
  endforeach()
endforeach()

# Several devices, on a machine that has none.
torc_add_kernel_test(emu_devices_two emu_devices emu 120 "TORC_EMU_DEVICES=2")

# What bench/gpu_digest sees on the emulator: the same in every order of threads.
torc_kernel_test(emu_digest "bench/gpu_digest/main.c;bench/gpu_digest/items.c;bench/gpu_digest/time.c"
  torc_kernels_emu)
# What tests/resources.sh puts beside the machine code.
torc_kernel_test(resource_counts
  "tests/resources/counts.c;tests/resources/sass_name.c;bench/gpu_digest/items.c" torc_kernels_emu)
set_target_properties(resource_counts PROPERTIES ENABLE_EXPORTS ON) # it asks for names of kernels
target_link_libraries(resource_counts PRIVATE ${CMAKE_DL_LIBS})
add_test(NAME emu_digest COMMAND sh -c "rm -f digests.txt && $<TARGET_FILE:emu_digest> --write digests.txt && \
TORC_EMU_ORDER=random $<TARGET_FILE:emu_digest> --compare digests.txt" WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
set_tests_properties(emu_digest PROPERTIES LABELS emu TIMEOUT 300)
# bench/gpu_batch.c at small sizes: it checks what it times.
torc_kernel_test(emu_batch bench/gpu_batch.c torc_kernels_emu)
add_test(NAME emu_batch COMMAND emu_batch --check)
# bench/gpu_fft.c likewise.
torc_kernel_test(emu_transforms bench/gpu_fft.c torc_kernels_emu)
add_test(NAME emu_transforms COMMAND emu_transforms --check)
set_tests_properties(emu_transforms PROPERTIES LABELS emu TIMEOUT 120)
set_tests_properties(emu_batch PROPERTIES LABELS emu TIMEOUT 120)
# The calibration of a GPU (runtime/cuda/calibrate.c) on the emulated one.
torc_kernel_test(emu_calibrate tests/calibrate_emulated.c torc_server_emu)
add_dependencies(tests_emu emu_calibrate)
torc_add_kernel_test(emu_calibrate emu_calibrate emu 120 "TORC_EMU_ORDER=forward")

# --- the CUDA backend ----------------------------------------------------------------------------
torc_library(torc_test_common_emu SOURCES ${COMMON_SOURCES} LINK torc_local_emu PkgConfig::CRITERION)
file(GLOB ENGINE_TESTS CONFIGURE_DEPENDS tests/engine_*.c)

function(torc_engine_test name source library label)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE ${library})
  target_compile_definitions(${name} PRIVATE
    TORC_SOURCE_DIR="${CMAKE_SOURCE_DIR}" TORC_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(name MATCHES "_weak_") # tests/common/weak_security.h
    target_link_options(${name} PRIVATE
      "LINKER:--wrap=torc_spec_accept" "LINKER:--wrap=torc_params_check")
  endif()
  torc_add_kernel_test(${name} ${name} ${label} 300 "TORC_EMU_DEVICES=2")
endfunction()

foreach(source ${ENGINE_TESTS})
  get_filename_component(test ${source} NAME_WE)
  torc_engine_test(emu_${test} ${source} torc_test_common_emu emu)
  add_dependencies(tests_emu emu_${test})
  if(TORC_CUDA AND NOT test MATCHES "_(faults|memory)$")
    torc_engine_test(gpu_${test} ${source} torc_test_common gpu)
    set_tests_properties(gpu_${test} PROPERTIES RESOURCE_LOCK gpu)
  endif()
endforeach()

# The command on the emulated device: `torc run --device emu` in scripts and tests.
add_executable(torc_emu ${COMMAND_SOURCES})
target_link_libraries(torc_emu PRIVATE torc_local_emu)
# The bench on it: what would be measured on a device is checked at small sizes.
add_executable(torc_bench_emu ${BENCH_SOURCES})
target_link_libraries(torc_bench_emu PRIVATE torc_models torc_local_emu)
add_dependencies(torc_bench_emu torc_commit)
target_include_directories(torc_bench_emu PRIVATE ${CMAKE_BINARY_DIR}/bench)
add_dependencies(tests_emu torc_bench_emu)
foreach(what "lookups --set 1_private --batch 1,2" "layers --set dense_92x92 --batch 1" "circuit --circuit nn20_small --batch 1")
  separate_arguments(arguments UNIX_COMMAND "${what}")
  list(GET arguments 0 mode)
  torc_add_kernel_test(emu_bench_${mode} "torc_bench_emu;${arguments};--device;emu;--repeats;1" emu 300 "")
endforeach()
