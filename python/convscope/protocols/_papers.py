"""What is reproduced, as findings name it."""

ICASSP = "Beguš and Zhou 2022 (ICASSP)"
TASLP = "Beguš and Zhou 2022 (TASLP)"
CDEV = "Beguš, Leban and Gero 2023"
GAP = "Beguš 2020 (GAP)"
