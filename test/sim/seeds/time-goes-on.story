# Seed 23 of old: the cluster time of a new leader was before what it had applied.
dice 23 managers 5 workers 4
500 service 1 0 2
300 transfer 0 0 0
400 service 1 3 0
200 power 0 0 0
900 transfer 0 0 0
300 kill 0 0 0
500 service 1 3 0
700 freeze 0 4000 0
1500 service 1 1 3
2600 transfer 0 0 0
100 power 0 0 0
100 power 0 0 0
1800 service 1 3 0
400 kill 0 0 0
900 service 1 2 0
