"""The networks: four doors (encode, posterior, lift, decode) and one latent map."""
