"""What mtlearn costs, measured. See README.md in this folder.

A command is a module with a docstring, whose first line is its help, `OPTIONS`, and
`run(options, report)`; it is listed in `__main__.COMMANDS`.
"""
