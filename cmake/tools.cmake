# Targets for people: format, format-check, tidy, check-layers.
file(GLOB_RECURSE FORMATTED CONFIGURE_DEPENDS
  frontend/*.[ch] runtime/*.[ch] kernels/*.[ch] bench/*.[ch] tests/*.[ch] models/*.c)
add_custom_target(format COMMAND clang-format -i ${FORMATTED} VERBATIM)
add_custom_target(format-check COMMAND clang-format --dry-run --Werror ${FORMATTED} VERBATIM)
file(GLOB_RECURSE TIDIED CONFIGURE_DEPENDS frontend/*.c runtime/*.c kernels/ref/*.c)
add_custom_target(tidy COMMAND clang-tidy --quiet -p ${CMAKE_BINARY_DIR} ${TIDIED} VERBATIM)
add_custom_target(check-layers
  COMMAND sh tests/check_layers.sh ${CMAKE_BINARY_DIR} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} VERBATIM)
