# cmake -DSOURCE=... -DHEADER=... -P commit.cmake: writes the commit of the working tree into a header,
# at every build; the file changes only when the commit does.
execute_process(COMMAND git describe --always --dirty --abbrev=12 WORKING_DIRECTORY ${SOURCE}
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define TORC_COMMIT \"@commit@\"\n" @ONLY)
