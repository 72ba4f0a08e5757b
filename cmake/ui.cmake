# The web page: npm and Vite build it from ui/ into the build directory, cmake/embed.cmake turns the
# result into one assembler file and one table, and room web is compiled with both. Included after
# rooms.cmake, because it adds sources to a room.
if(NOT TARGET room_web)
  return()
endif()

set(embed_dir ${CMAKE_BINARY_DIR}/embed/web)
set(embed_outputs ${embed_dir}/embedded_bytes.S ${embed_dir}/embedded_rows.inc)

if(CRYO_WITH_UI)
  find_program(NPM npm)
  if(NOT NPM)
    message(FATAL_ERROR "npm not found, which builds the web page. tools/setup brings it; "
                        "-DCRYO_WITH_UI=OFF builds everything but the page.")
  endif()
  set(ui ${CMAKE_SOURCE_DIR}/ui)
  set(page_dir ${CMAKE_BINARY_DIR}/page)
  set(page_stamp ${CMAKE_BINARY_DIR}/page.stamp)
  set(packages ${ui}/node_modules/.package-lock.json) # written by npm when it is done
  file(GLOB_RECURSE ui_sources CONFIGURE_DEPENDS ${ui}/src/* ${ui}/public/*)

  add_custom_command(OUTPUT ${packages}
    COMMAND ${NPM} ci --ignore-scripts --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${packages}
    DEPENDS ${ui}/package.json ${ui}/package-lock.json ${ui}/.npmrc
    WORKING_DIRECTORY ${ui} VERBATIM
    COMMENT "Fetching the page's packages with npm (only when their list changes)")
  add_custom_command(OUTPUT ${page_stamp}
    COMMAND ${NPM} run --silent build -- --outDir ${page_dir} --emptyOutDir --logLevel warn
    COMMAND ${CMAKE_COMMAND} -E touch ${page_stamp}
    DEPENDS ${packages} ${ui_sources} ${ui}/index.html ${ui}/vite.config.ts
    WORKING_DIRECTORY ${ui} VERBATIM
    COMMENT "Building the page")
else()
  set(page_dir ${CMAKE_SOURCE_DIR}/src/web/nopage)
  set(page_stamp ${page_dir}/index.html)
endif()

add_custom_command(OUTPUT ${embed_outputs}
  COMMAND ${CMAKE_COMMAND} -DFROM=${page_dir} -DTO=${embed_dir} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${page_stamp} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  VERBATIM COMMENT "Packing the page into room web")
target_sources(room_web PRIVATE ${embed_outputs})
target_include_directories(room_web PRIVATE ${CMAKE_BINARY_DIR}/embed)
