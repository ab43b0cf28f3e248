# Targets for people: format, format-check, tidy, check-layers.
file(GLOB_RECURSE FORMATTED CONFIGURE_DEPENDS
  frontend/*.[ch] runtime/*.[ch] kernels/*.[ch] bench/*.[ch] tests/*.[ch] models/*.c
  kernels/cuda/*.cu kernels/cuda/*.cuh kernels/emu/*.cpp kernels/emu/*.cu bench/*.cu)
add_custom_target(format COMMAND clang-format -i ${FORMATTED} VERBATIM)
add_custom_target(format-check COMMAND clang-format --dry-run --Werror ${FORMATTED} VERBATIM)
# One file a run: in longer runs clang-tidy 14 loses track of va_list. A stamp spares unchanged files.
file(GLOB_RECURSE TIDIED RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS
  frontend/*.c runtime/*.c kernels/ref/*.c bench/*.c)
file(GLOB_RECURSE TIDY_HEADERS CONFIGURE_DEPENDS frontend/*.h runtime/*.h kernels/*.h bench/*.h)
foreach(source ${TIDIED})
  set(stamp ${CMAKE_BINARY_DIR}/tidy/${source}.tidied)
  get_filename_component(folder ${stamp} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${stamp}
    COMMAND clang-tidy --quiet -p ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR}/${source}
    COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
    DEPENDS ${source} ${TIDY_HEADERS} .clang-tidy VERBATIM)
  list(APPEND TIDY_STAMPS ${stamp})
endforeach()
add_custom_target(tidy DEPENDS ${TIDY_STAMPS})
if(TARGET torc_onnx_schema)
  add_dependencies(tidy torc_onnx_schema) # its generated header
endif()
add_custom_target(check-layers
  COMMAND sh tests/check_layers.sh ${CMAKE_BINARY_DIR} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} VERBATIM)
