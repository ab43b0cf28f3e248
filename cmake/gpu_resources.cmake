# kernels/cuda/resources.txt as rows for C: what prices are made of (runtime/cost_gpu_launch.c) is what
# tests/resources.sh holds against the machine code.
#
#   TORC_THROUGHPUT(k, log2 N, l, g, v, threads, shared bytes, blocks, bits, FP64 instructions and wavefronts
#                   of the last phase, which has transforms and digits, clocks)
#   TORC_LATENCY(k, log2 N, l, v, cluster, threads, shared bytes, blocks, FP64 instructions, clocks)
#   TORC_KEYSWITCH(row tiles, row warps, shared bytes, blocks, clocks)
#
# Shapes that no kernel holds have no clocks there, and no row here.
set(RESOURCES_TABLE ${CMAKE_SOURCE_DIR}/kernels/cuda/resources.txt)
set(RESOURCES_FOLDER ${CMAKE_BINARY_DIR}/generated/runtime)
set(ONE " [^ ]+")   # a column that is not taken
set(NUMBER " ([0-9.]+)")
# kernel threads dynamic registers spill blocks local trips bits fp64 conversions wavefronts sectors clocks
set(THROUGHPUT "^rotate_throughput<rotate_plan<([0-9]+,[0-9]+,[0-9]+,[0-9]+,[0-9]+),[0-9]+,5,0>>")
set(LAST " [0-9+]+[+]([0-9]+)") # of several phases
string(APPEND THROUGHPUT "${NUMBER}${NUMBER}${ONE}${ONE}${NUMBER}${ONE}${ONE}${NUMBER}${LAST}${ONE}${LAST}${ONE}${NUMBER}$")
set(LATENCY "^rotate_latency_kernel<latency_plan<([0-9,]+)>>")
string(APPEND LATENCY "${NUMBER}${NUMBER}${ONE}${ONE}${NUMBER}${ONE}${ONE}${ONE} ([0-9+]+)${ONE}${ONE}${ONE}${NUMBER}$")
set(KEYSWITCH "^keyswitch_product<([0-9]+,[0-9]+)>")
string(APPEND KEYSWITCH "${ONE}${NUMBER}${ONE}${ONE}${NUMBER}${ONE}${ONE}${ONE}${ONE}${ONE}${ONE}${ONE}${NUMBER}$")

set(rows "")
file(STRINGS ${RESOURCES_TABLE} lines)
foreach(line IN LISTS lines)
  if(line MATCHES "${THROUGHPUT}")
    string(APPEND rows "TORC_THROUGHPUT(${CMAKE_MATCH_1},${CMAKE_MATCH_2},${CMAKE_MATCH_3},${CMAKE_MATCH_4},${CMAKE_MATCH_5},${CMAKE_MATCH_6},${CMAKE_MATCH_7},${CMAKE_MATCH_8})\n")
  elseif(line MATCHES "${LATENCY}")
    string(APPEND rows "TORC_LATENCY(${CMAKE_MATCH_1},${CMAKE_MATCH_2},${CMAKE_MATCH_3},${CMAKE_MATCH_4},${CMAKE_MATCH_5},${CMAKE_MATCH_6})\n")
  elseif(line MATCHES "${KEYSWITCH}")
    string(APPEND rows "TORC_KEYSWITCH(${CMAKE_MATCH_1},${CMAKE_MATCH_2},${CMAKE_MATCH_3},${CMAKE_MATCH_4})\n")
  endif()
endforeach()
foreach(kind THROUGHPUT LATENCY KEYSWITCH)
  if(NOT rows MATCHES "TORC_${kind}")
    message(FATAL_ERROR "gpu_resources.cmake: no row of ${kind} in ${RESOURCES_TABLE}; has its form changed?")
  endif()
endforeach()
file(CONFIGURE OUTPUT ${RESOURCES_FOLDER}/gpu_resources.def CONTENT "${rows}" @ONLY)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${RESOURCES_TABLE})
