# The target cuda_objects: every CUDA kernel of every shipped configuration, compiled and kept for reading,
# with or without TORC_CUDA; no device is needed. Without an nvcc the target does nothing.
#
#   build/X/cuda/sm_90/KERNEL.o, .log     machine code for tests/resources.sh, and what ptxas said
#   build/X/cuda/sm_90/KERNEL.gG.o, .log  the same, one object for the configurations of each g, when the
#                                         source reads the list through TORC_CONFIGURATIONS (kernels/cuda/configurations.h)
#   build/X/cuda/sm_{80,100,120}/...      the first configuration of each g; TORC_CUDA_ALL=ON: all of them
set(TORC_CUDA_ALL OFF CACHE BOOL "cuda_objects compiles every configuration for every architecture")
set(CUDA_OBJECTS_FOLDER ${CMAKE_BINARY_DIR}/cuda)
set(CONFIGURATIONS ${CMAKE_SOURCE_DIR}/kernels/configurations.def)
find_program(TORC_NVCC nvcc HINTS /usr/local/cuda/bin ${CMAKE_SOURCE_DIR}/build/cuda/nvidia/cu13/bin)
if(NOT TORC_NVCC)
  add_custom_target(cuda_objects)
  return()
endif()

# Writes the lists of the configurations of each g, whole and of one line, and names the g in out.
function(cuda_configurations out)
  set(found "")
  if(EXISTS ${CONFIGURATIONS})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CONFIGURATIONS})
    file(STRINGS ${CONFIGURATIONS} lines REGEX "^TORC_CONFIGURATION\\(")
    foreach(line ${lines})
      string(REGEX REPLACE "^[^(]*\\([^,]*,[^,]*,[^,]*, *([0-9]+) *,.*" "\\1" g "${line}")
      list(APPEND found ${g})
      list(APPEND of_${g} "${line}")
    endforeach()
    list(REMOVE_DUPLICATES found)
  endif()
  foreach(g ${found})
    string(REPLACE ";" "\n" whole "${of_${g}}")
    list(GET of_${g} 0 first)
    file(CONFIGURE OUTPUT ${CUDA_OBJECTS_FOLDER}/all.g${g}.def CONTENT "${whole}\n" @ONLY)
    file(CONFIGURE OUTPUT ${CUDA_OBJECTS_FOLDER}/first.g${g}.def CONTENT "${first}\n" @ONLY)
  endforeach()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

set(CUDA_OBJECTS "")
function(cuda_object source architecture name definitions)
  set(object ${CUDA_OBJECTS_FOLDER}/sm_${architecture}/${name}.o)
  add_custom_command(OUTPUT ${object} BYPRODUCTS ${object}.log
    COMMAND sh ${CMAKE_SOURCE_DIR}/cmake/cuda_object.sh ${object} ${CCACHE} ${TORC_NVCC} -std=c++17 -O3
      -I${CMAKE_SOURCE_DIR} -fmad=false -Werror=all-warnings -Xcompiler=-Wall,-Wextra,-Wshadow
      -gencode=arch=compute_${architecture},code=sm_${architecture} -Xptxas=-v ${definitions} ${source}
    DEPENDS ${source} ${CMAKE_SOURCE_DIR}/cmake/cuda_object.sh DEPFILE ${object}.d VERBATIM
    COMMENT "CUDA sm_${architecture} ${name}")
  set(CUDA_OBJECTS ${CUDA_OBJECTS} ${object} PARENT_SCOPE)
endfunction()

cuda_configurations(GROUPINGS)
file(GLOB CUDA_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/kernels/cuda/*.cu)
file(MAKE_DIRECTORY ${CUDA_OBJECTS_FOLDER}/sm_80 ${CUDA_OBJECTS_FOLDER}/sm_90 ${CUDA_OBJECTS_FOLDER}/sm_100
  ${CUDA_OBJECTS_FOLDER}/sm_120)
cuda_object(${CMAKE_SOURCE_DIR}/bench/gpu_rotation.cu 90 gpu_rotation "")
foreach(source ${CUDA_SOURCES})
  get_filename_component(kernel ${source} NAME_WE)
  file(STRINGS ${source} listed REGEX "include +TORC_CONFIGURATIONS")
  foreach(architecture 90 80 100 120)
    if(NOT listed)
      cuda_object(${source} ${architecture} ${kernel} "")
    else()
      set(part first)
      if(architecture EQUAL 90 OR TORC_CUDA_ALL)
        set(part all)
      endif()
      foreach(g ${GROUPINGS})
        cuda_object(${source} ${architecture} ${kernel}.g${g}
          "-DTORC_CONFIGURATIONS=\"${CUDA_OBJECTS_FOLDER}/${part}.g${g}.def\"")
      endforeach()
    endif()
  endforeach()
endforeach()
add_custom_target(cuda_objects DEPENDS ${CUDA_OBJECTS})
set(CUDA_READ ${CUDA_OBJECTS})
list(FILTER CUDA_READ INCLUDE REGEX "/sm_90/")
list(JOIN CUDA_READ "\n" CUDA_READ)
file(CONFIGURE OUTPUT ${CUDA_OBJECTS_FOLDER}/objects.txt CONTENT "${CUDA_READ}\n" @ONLY)
execute_process(COMMAND ${TORC_NVCC} --version OUTPUT_VARIABLE NVCC_VERSION ERROR_QUIET)
string(REGEX REPLACE ".*release ([0-9.]+).*" "\\1" NVCC_VERSION "${NVCC_VERSION}")
file(CONFIGURE OUTPUT ${CUDA_OBJECTS_FOLDER}/compiler.txt CONTENT "${NVCC_VERSION}\n" @ONLY)
