function(torc_library name)
  cmake_parse_arguments(LIB "" "" "SOURCES;LINK" ${ARGN})
  if(NOT LIB_SOURCES)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE torc_flags ${LIB_LINK})
    return()
  endif()
  add_library(${name} STATIC ${LIB_SOURCES})
  target_link_libraries(${name} PUBLIC torc_flags ${LIB_LINK} m)
endfunction()

# --- kernels: reference, and one CPU source per kernel built for three instruction sets ----------
file(GLOB KERNEL_SOURCES CONFIGURE_DEPENDS kernels/ref/*.c kernels/cpu/dispatch.c
  kernels/cpu/team.c)
file(GLOB CPU_KERNEL_SOURCES CONFIGURE_DEPENDS kernels/cpu/*.c)
list(FILTER CPU_KERNEL_SOURCES EXCLUDE REGEX "/(dispatch|team)\\.c$")
# Its results are the same bits for every instruction set.
set_source_files_properties(kernels/cpu/gaussian.c PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
torc_library(torc_kernels SOURCES ${KERNEL_SOURCES})
function(torc_cpu_kernels isa flags)
  if(NOT CPU_KERNEL_SOURCES)
    return()
  endif()
  add_library(torc_kernels_${isa} OBJECT ${CPU_KERNEL_SOURCES})
  target_link_libraries(torc_kernels_${isa} PRIVATE torc_flags)
  target_compile_definitions(torc_kernels_${isa} PRIVATE TORC_CPU_ISA=${isa})
  target_compile_options(torc_kernels_${isa} PRIVATE ${flags})
  target_sources(torc_kernels PRIVATE $<TARGET_OBJECTS:torc_kernels_${isa}>)
endfunction()
torc_cpu_kernels(portable "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  torc_cpu_kernels(avx2 "-mavx2;-mfma;-mbmi2")
  torc_cpu_kernels(avx512 "-mavx512f;-mavx512dq;-mavx512bw;-mavx512vl;-mavx512vnni;-mavx2;-mfma;-mbmi2;-mprefer-vector-width=512")
endif()

# --- runtime ------------------------------------------------------------------------------------
# runtime/client/*.c   keys, encryption, decryption
# runtime/server/*.c   evaluation keys, backends, executor
# runtime/cuda/*.c     the CUDA backend: part of the server with TORC_CUDA, and of its test build
#                      torc_server_emu, where the kernels run on the emulator
# runtime/*.c          what both share
file(GLOB BASE_SOURCES CONFIGURE_DEPENDS runtime/*.c)
file(GLOB CLIENT_SOURCES CONFIGURE_DEPENDS runtime/client/*.c)
file(GLOB SERVER_SOURCES CONFIGURE_DEPENDS runtime/server/*.c)
torc_library(torc_base SOURCES ${BASE_SOURCES} LINK PkgConfig::CJSON PkgConfig::SODIUM)
include(cmake/gpu_resources.cmake)
target_include_directories(torc_base PRIVATE ${CMAKE_BINARY_DIR}/generated)
torc_library(torc_client SOURCES ${CLIENT_SOURCES} LINK torc_base torc_kernels)
file(GLOB CUDA_BACKEND_SOURCES CONFIGURE_DEPENDS runtime/cuda/*.c)
find_package(Threads REQUIRED)
# kernels: the library behind kernels_cuda.h, or nothing. name: what --device takes.
function(torc_server_library library name kernels)
  set(sources ${SERVER_SOURCES})
  if(kernels) # instead of server/gpus_none.c
    list(FILTER sources EXCLUDE REGEX "/gpus_none\\.c$")
    list(APPEND sources ${CUDA_BACKEND_SOURCES})
  endif()
  torc_library(${library} SOURCES ${sources} LINK torc_base ${kernels} torc_kernels Threads::Threads)
  if(kernels)
    target_compile_definitions(${library} PUBLIC TORC_GPU_BACKEND="${name}")
  endif()
endfunction()
if(TORC_CUDA)
  torc_server_library(torc_server cuda torc_kernels_cuda)
else()
  torc_server_library(torc_server "" "")
endif()

# --- frontend: protobuf-c code is generated from our own subset schema ---------------------------
file(GLOB COMPILER_SOURCES CONFIGURE_DEPENDS frontend/*.c frontend/onnx/*.c)
list(FILTER COMPILER_SOURCES EXCLUDE REGEX "/local[^/]*\\.c$")
file(GLOB LOCAL_SOURCES CONFIGURE_DEPENDS frontend/local*.c)
set(GENERATED ${CMAKE_BINARY_DIR}/generated)
if(EXISTS ${CMAKE_SOURCE_DIR}/frontend/onnx/onnx.proto)
  file(MAKE_DIRECTORY ${GENERATED})
  add_custom_command(
    OUTPUT ${GENERATED}/onnx.pb-c.c ${GENERATED}/onnx.pb-c.h
    COMMAND ${PROTOC_C} --proto_path=${CMAKE_SOURCE_DIR}/frontend/onnx --c_out=${GENERATED} onnx.proto
    DEPENDS frontend/onnx/onnx.proto VERBATIM)
  add_library(torc_onnx_schema STATIC ${GENERATED}/onnx.pb-c.c ${GENERATED}/onnx.pb-c.h)
  target_include_directories(torc_onnx_schema SYSTEM PUBLIC ${GENERATED})
  target_link_libraries(torc_onnx_schema PUBLIC PkgConfig::PROTOBUF_C)
  set(ONNX_SCHEMA torc_onnx_schema)
endif()
torc_library(torc_compiler SOURCES ${COMPILER_SOURCES} LINK torc_base ${ONNX_SCHEMA})
torc_library(torc_local SOURCES ${LOCAL_SOURCES} LINK torc_compiler torc_client torc_server)
# For tests: everything above a device that is emulated (cmake/emu.cmake).
if(BUILD_TESTING)
  torc_server_library(torc_server_emu emu torc_kernels_emu)
  torc_library(torc_local_emu SOURCES ${LOCAL_SOURCES} LINK torc_compiler torc_client torc_server_emu)
endif()
