function(fovea_embed_weights)
endfunction()
