# The target cuda_objects: every CUDA kernel of every shipped configuration, compiled and kept for reading,
# with or without TORC_CUDA; no device is needed. Without an nvcc the target does nothing.
#
#   build/X/cuda/sm_90/SOURCE.o, .o.log   machine code for tests/resources.sh, and what ptxas said
#   build/X/cuda/sm_{80,100,120}/...      the same for other devices; of sources that share a list of
#                                         configurations (X_share_0.cu, X_share_1.cu, ..) only the first,
#                                         all with TORC_CUDA_ALL=ON
# cuda_objects_sm_90 is the first row alone; scripts/gpu_run.sh links what it makes.
set(TORC_CUDA_ALL OFF CACHE BOOL "cuda_objects compiles every configuration for every architecture")
set(CUDA_OBJECTS_FOLDER ${CMAKE_BINARY_DIR}/cuda)
find_program(TORC_NVCC nvcc HINTS /usr/local/cuda/bin ${CMAKE_SOURCE_DIR}/build/cuda/nvidia/cu13/bin)
if(NOT TORC_NVCC)
  add_custom_target(cuda_objects)
  add_custom_target(cuda_objects_sm_90)
  return()
endif()

set(CUDA_OBJECTS "")
function(cuda_object source architecture)
  get_filename_component(name ${source} NAME_WE)
  set(object ${CUDA_OBJECTS_FOLDER}/sm_${architecture}/${name}.o)
  add_custom_command(OUTPUT ${object} BYPRODUCTS ${object}.log
    COMMAND ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      sh ${CMAKE_SOURCE_DIR}/cmake/cuda_object.sh ${object} ${CCACHE} ${TORC_NVCC} -std=c++17 -O3
      -I${CMAKE_SOURCE_DIR} -fmad=false -Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Wshadow,-fPIC
      -gencode=arch=compute_${architecture},code=sm_${architecture} -Xptxas=-v ${source}
    DEPENDS ${source} ${CMAKE_SOURCE_DIR}/cmake/cuda_object.sh DEPFILE ${object}.d VERBATIM
    COMMENT "CUDA sm_${architecture} ${name}")
  set(CUDA_OBJECTS ${CUDA_OBJECTS} ${object} PARENT_SCOPE)
endfunction()

file(GLOB CUDA_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/kernels/cuda/*.cu)
foreach(architecture 90 80 100 120)
  file(MAKE_DIRECTORY ${CUDA_OBJECTS_FOLDER}/sm_${architecture})
  set(sources ${CUDA_SOURCES})
  if(architecture EQUAL 90)
    list(APPEND sources ${CMAKE_SOURCE_DIR}/bench/gpu_rotation.cu)
  elseif(NOT TORC_CUDA_ALL)
    list(FILTER sources EXCLUDE REGEX "_share_[1-9][0-9]*\\.cu$")
  endif()
  foreach(source ${sources})
    cuda_object(${source} ${architecture})
  endforeach()
endforeach()
add_custom_target(cuda_objects DEPENDS ${CUDA_OBJECTS})

# For tests/resources.sh: what to read, and the compiler that the table speaks of.
set(CUDA_READ ${CUDA_OBJECTS})
list(FILTER CUDA_READ INCLUDE REGEX "/sm_90/")
add_custom_target(cuda_objects_sm_90 DEPENDS ${CUDA_READ})
list(JOIN CUDA_READ "\n" CUDA_READ)
file(CONFIGURE OUTPUT ${CUDA_OBJECTS_FOLDER}/objects.txt CONTENT "${CUDA_READ}\n" @ONLY)
execute_process(COMMAND ${TORC_NVCC} --version OUTPUT_VARIABLE NVCC_VERSION ERROR_QUIET)
string(REGEX REPLACE ".*release ([0-9.]+).*" "\\1" NVCC_VERSION "${NVCC_VERSION}")
file(CONFIGURE OUTPUT ${CUDA_OBJECTS_FOLDER}/compiler.txt CONTENT "${NVCC_VERSION}\n" @ONLY)
