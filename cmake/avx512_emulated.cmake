# For tests: the AVX-512 kernels as AVX2 executes them (tests/common/avx512_emulated.h), the table
# "avx512_emulated" of dispatch.c. Tests link its objects; no library has them.
find_path(SIMDE_INCLUDE simde/x86/avx512.h)
set(TORC_AVX512_EMULATED 0)
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  # no such kernels
elseif(NOT SIMDE_INCLUDE)
  message(STATUS "SIMDe is missing (scripts/setup.sh installs libsimde-dev): no test of AVX-512 on other processors")
else()
  set(TORC_AVX512_EMULATED 1)
  add_library(torc_kernels_avx512_emulated OBJECT ${CPU_KERNEL_SOURCES})
  target_link_libraries(torc_kernels_avx512_emulated PRIVATE torc_flags)
  target_compile_definitions(torc_kernels_avx512_emulated PRIVATE TORC_CPU_ISA=avx512_emulated)
  target_compile_options(torc_kernels_avx512_emulated PRIVATE -mavx2 -mfma -mbmi2 -O1 -Wno-psabi # 15 s a file with -O3
    -include ${CMAKE_SOURCE_DIR}/tests/common/avx512_emulated.h)
  target_sources(torc_test_common INTERFACE $<TARGET_OBJECTS:torc_kernels_avx512_emulated>)
endif()
target_compile_definitions(torc_test_common INTERFACE TORC_AVX512_EMULATED=${TORC_AVX512_EMULATED})
