file(GLOB COMMAND_SOURCES CONFIGURE_DEPENDS frontend/command/*.c)
if(COMMAND_SOURCES)
  add_executable(torc ${COMMAND_SOURCES})
  target_link_libraries(torc PRIVATE torc_local)
endif()
file(GLOB BENCH_SOURCES CONFIGURE_DEPENDS bench/*.c)
list(FILTER BENCH_SOURCES EXCLUDE REGEX "/gpu_[^/]*\\.c$") # programs of their own
if(BENCH_SOURCES)
  add_executable(torc_bench ${BENCH_SOURCES})
  target_link_libraries(torc_bench PRIVATE torc_models torc_local)
  add_custom_target(torc_commit
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DHEADER=${CMAKE_BINARY_DIR}/bench/torc_commit.h
      -P ${CMAKE_SOURCE_DIR}/cmake/commit.cmake
    BYPRODUCTS ${CMAKE_BINARY_DIR}/bench/torc_commit.h VERBATIM)
  add_dependencies(torc_bench torc_commit)
  target_include_directories(torc_bench PRIVATE ${CMAKE_BINARY_DIR}/bench)
endif()
# models/X/X_graph.c   a network as a function, for the bench and tests too
# models/X/*.c         examples, one program each
file(GLOB MODEL_GRAPHS CONFIGURE_DEPENDS models/*/*_graph.c)
torc_library(torc_models SOURCES ${MODEL_GRAPHS} LINK torc_compiler)
file(GLOB EXAMPLES CONFIGURE_DEPENDS models/*/*.c)
list(REMOVE_ITEM EXAMPLES ${MODEL_GRAPHS})
foreach(source ${EXAMPLES})
  get_filename_component(example ${source} NAME_WE)
  add_executable(example_${example} ${source})
  target_link_libraries(example_${example} PRIVATE torc_models torc_local)
endforeach()
