/* default_config.S - configs/default.yaml, as it stands in the tree, between two labels. */
    .section .rodata
    .global cmd_default_config
    .hidden cmd_default_config
    .global cmd_default_config_end
    .hidden cmd_default_config_end
cmd_default_config:
    .incbin "../configs/default.yaml"
cmd_default_config_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
