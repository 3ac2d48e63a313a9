protected-content:x.php
