# Warnings, sanitizers and the include root (the repository: every include shows its folder).
add_library(torc_flags INTERFACE)
target_include_directories(torc_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(torc_flags INTERFACE _GNU_SOURCE)
target_compile_options(torc_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
  -Wpointer-arith -Wformat=2 -fno-math-errno -ffp-contract=on -fopenmp)
target_link_options(torc_flags INTERFACE -fopenmp)
if(TORC_WERROR)
  target_compile_options(torc_flags INTERFACE -Werror)
endif()
if(TORC_SANITIZE)
  target_compile_options(torc_flags INTERFACE
    -fsanitize=${TORC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(torc_flags INTERFACE -fsanitize=${TORC_SANITIZE})
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
